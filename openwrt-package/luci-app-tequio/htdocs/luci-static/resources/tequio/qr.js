'use strict';
'require baseclass';

/*
 * QR codes (ISO/IEC 18004): octets, error correction level M, versions 1 to 10, which is up to 213 octets; the address
 * of a portal with a code in it has about 50. Older releases of LuCI have no encoder, and this one is small enough to
 * own. matrix() is pure; draw() makes SVG of it.
 */

/* Of each version: error correction octets of a block, and how many blocks there are of which length of data. */
const BLOCKS = [
	null,
	[ 10, [ [ 1, 16 ] ] ],
	[ 16, [ [ 1, 28 ] ] ],
	[ 26, [ [ 1, 44 ] ] ],
	[ 18, [ [ 2, 32 ] ] ],
	[ 24, [ [ 2, 43 ] ] ],
	[ 16, [ [ 4, 27 ] ] ],
	[ 18, [ [ 4, 31 ] ] ],
	[ 22, [ [ 2, 38 ], [ 2, 39 ] ] ],
	[ 22, [ [ 3, 36 ], [ 2, 37 ] ] ],
	[ 26, [ [ 4, 43 ], [ 1, 44 ] ] ]
];

/* Centres of the alignment patterns. */
const ALIGNMENT = [
	null, [], [ 6, 18 ], [ 6, 22 ], [ 6, 26 ], [ 6, 30 ], [ 6, 34 ],
	[ 6, 22, 38 ], [ 6, 24, 42 ], [ 6, 26, 46 ], [ 6, 28, 50 ]
];

const MASKS = [
	(x, y) => (x + y) % 2 == 0,
	(x, y) => y % 2 == 0,
	(x, y) => x % 3 == 0,
	(x, y) => (x + y) % 3 == 0,
	(x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 == 0,
	(x, y) => x * y % 2 + x * y % 3 == 0,
	(x, y) => (x * y % 2 + x * y % 3) % 2 == 0,
	(x, y) => ((x + y) % 2 + x * y % 3) % 2 == 0
];

/* The field of 256 elements of x^8 + x^4 + x^3 + x^2 + 1. */
function times(a, b) {
	let product = 0;
	for (let bit = 7; bit >= 0; bit--) {
		product = (product << 1) ^ ((product >>> 7) * 0x11d);
		product ^= ((b >>> bit) & 1) * a;
	}
	return product;
}

/* The generator polynomial of this degree, without its leading 1. */
function generator(degree) {
	const polynomial = new Array(degree).fill(0);
	polynomial[degree - 1] = 1;
	let root = 1;
	for (let i = 0; i < degree; i++) {
		for (let j = 0; j < degree; j++)
			polynomial[j] = times(polynomial[j], root) ^ (j + 1 < degree ? polynomial[j + 1] : 0);
		root = times(root, 2);
	}
	return polynomial;
}

/* What is left of the data after division: its error correction octets. */
function correction(data, polynomial) {
	const rest = new Array(polynomial.length).fill(0);
	for (const octet of data) {
		const factor = octet ^ rest.shift();
		rest.push(0);
		polynomial.forEach((coefficient, i) => { rest[i] ^= times(coefficient, factor); });
	}
	return rest;
}

function octetsOf(text) {
	return Array.from(new TextEncoder().encode(text));
}

function capacity(version) {
	return BLOCKS[version][1].reduce((sum, kind) => sum + kind[0] * kind[1], 0);
}

/* Data of the whole symbol: mode, length, octets, end, padding. */
function dataOf(octets, version) {
	const bits = [];
	const put = (value, length) => {
		for (let i = length - 1; i >= 0; i--)
			bits.push((value >>> i) & 1);
	};
	const size = capacity(version) * 8;
	put(4, 4);
	put(octets.length, version < 10 ? 8 : 16);
	octets.forEach(octet => put(octet, 8));
	put(0, Math.min(4, size - bits.length));
	put(0, (8 - bits.length % 8) % 8);
	for (let pad = 0xec; bits.length < size; pad ^= 0xec ^ 0x11)
		put(pad, 8);
	const data = [];
	for (let i = 0; i < bits.length; i += 8)
		data.push(parseInt(bits.slice(i, i + 8).join(''), 2));
	return data;
}

/* Data and correction of all blocks, in the order in which they stand in the symbol. */
function interleave(data, version) {
	const polynomial = generator(BLOCKS[version][0]);
	const blocks = [];
	let offset = 0;
	for (const kind of BLOCKS[version][1])
		for (let i = 0; i < kind[0]; i++) {
			blocks.push(data.slice(offset, offset + kind[1]));
			offset += kind[1];
		}
	const corrections = blocks.map(block => correction(block, polynomial));
	const longest = Math.max.apply(null, blocks.map(block => block.length));
	const all = [];
	for (let i = 0; i < longest; i++)
		blocks.forEach(block => { if (i < block.length) all.push(block[i]); });
	for (let i = 0; i < polynomial.length; i++)
		corrections.forEach(block => all.push(block[i]));
	return all;
}

/* Everything that does not depend on the data. null is free. */
function frame(version) {
	const size = 17 + 4 * version;
	const grid = Array.from({ length: size }, () => new Array(size).fill(null));
	const set = (x, y, dark) => {
		if (x >= 0 && y >= 0 && x < size && y < size)
			grid[y][x] = dark ? 1 : 0;
	};
	for (let i = 0; i < size; i++) {
		set(6, i, i % 2 == 0);
		set(i, 6, i % 2 == 0);
	}
	for (const corner of [ [ 3, 3 ], [ size - 4, 3 ], [ 3, size - 4 ] ])
		for (let dy = -4; dy <= 4; dy++)
			for (let dx = -4; dx <= 4; dx++) {
				const ring = Math.max(Math.abs(dx), Math.abs(dy));
				set(corner[0] + dx, corner[1] + dy, ring != 2 && ring != 4);
			}
	const centres = ALIGNMENT[version], last = centres.length - 1;
	centres.forEach((cx, i) => centres.forEach((cy, j) => {
		if ((i == 0 && j == 0) || (i == 0 && j == last) || (i == last && j == 0))
			return;
		for (let dy = -2; dy <= 2; dy++)
			for (let dx = -2; dx <= 2; dx++)
				set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) != 1);
	}));
	putFormat(grid, 0);
	putVersion(grid, version);
	return grid;
}

/* Level M and the mask, with their own correction. */
function putFormat(grid, mask) {
	const size = grid.length;
	let rest = mask;
	for (let i = 0; i < 10; i++)
		rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
	const format = (mask << 10 | rest) ^ 0x5412;
	const bit = i => (format >>> i) & 1;
	for (let i = 0; i <= 5; i++)
		grid[i][8] = bit(i);
	grid[7][8] = bit(6);
	grid[8][8] = bit(7);
	grid[8][7] = bit(8);
	for (let i = 9; i < 15; i++)
		grid[8][14 - i] = bit(i);
	for (let i = 0; i < 8; i++)
		grid[8][size - 1 - i] = bit(i);
	for (let i = 8; i < 15; i++)
		grid[size - 15 + i][8] = bit(i);
	grid[size - 8][8] = 1;
}

function putVersion(grid, version) {
	if (version < 7)
		return;
	let rest = version;
	for (let i = 0; i < 12; i++)
		rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
	const bits = version << 12 | rest, size = grid.length;
	for (let i = 0; i < 18; i++) {
		const a = size - 11 + i % 3, b = Math.floor(i / 3);
		grid[b][a] = grid[a][b] = (bits >>> i) & 1;
	}
}

/* The data goes up and down in pairs of columns, from the right, around what is taken. */
function fill(grid, octets, mask) {
	const size = grid.length, taken = grid.map(row => row.map(module => module !== null));
	let index = 0;
	for (let right = size - 1; right >= 1; right -= 2) {
		if (right == 6)
			right = 5;
		for (let step = 0; step < size; step++)
			for (let j = 0; j < 2; j++) {
				const x = right - j, y = ((right + 1) & 2) == 0 ? size - 1 - step : step;
				if (taken[y][x])
					continue;
				const bit = index < octets.length * 8 ? (octets[index >>> 3] >>> (7 - (index & 7))) & 1 : 0;
				grid[y][x] = bit ^ (MASKS[mask](x, y) ? 1 : 0);
				index++;
			}
	}
	putFormat(grid, mask);
	return grid;
}

/* How hard a symbol is to read: long runs, boxes, what looks like a corner, too much of one colour. */
function penalty(grid) {
	const size = grid.length;
	let points = 0, dark = 0;
	const line = read => {
		let run = 0, text = '';
		for (let i = 0; i < size; i++) {
			run = i > 0 && read(i) == read(i - 1) ? run + 1 : 1;
			points += run == 5 ? 3 : (run > 5 ? 1 : 0);
			text += read(i);
		}
		for (const pattern of [ '10111010000', '00001011101' ])
			for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1))
				points += 40;
	};
	for (let i = 0; i < size; i++) {
		line(j => grid[i][j]);
		line(j => grid[j][i]);
		for (let j = 0; j < size; j++) {
			dark += grid[i][j];
			if (i > 0 && j > 0 && grid[i][j] == grid[i - 1][j] && grid[i][j] == grid[i][j - 1] && grid[i][j] == grid[i - 1][j - 1])
				points += 3;
		}
	}
	return points + 10 * Math.floor(Math.abs(dark * 20 / (size * size) - 10));
}

return baseclass.extend({
	/* Rows of 0 and 1, without the quiet zone. With a mask given that one is used, else the most readable one. */
	matrix: function(text, mask) {
		const octets = octetsOf(text);
		let version = 1;
		while (version <= 10 && capacity(version) < octets.length + (version < 10 ? 2 : 3))
			version++;
		if (version > 10)
			throw new RangeError('too long for a QR code of ours');
		const all = interleave(dataOf(octets, version), version);
		if (mask != null)
			return fill(frame(version), all, mask);
		const grids = MASKS.map((_, i) => fill(frame(version), all, i));
		const points = grids.map(penalty);
		return grids[points.indexOf(Math.min.apply(null, points))];
	},

	/* The dark modules as an SVG path; the quiet zone of four modules is around it. */
	path: function(grid) {
		let path = '';
		grid.forEach((row, y) => {
			for (let x = 0; x < row.length; x++) {
				if (!row[x])
					continue;
				let end = x;
				while (end < row.length && row[end])
					end++;
				path += 'M' + (x + 4) + ' ' + (y + 4) + 'h' + (end - x) + 'v1h-' + (end - x) + 'z';
				x = end;
			}
		});
		return path;
	},

	/* An SVG element that shows this text. */
	draw: function(text, label) {
		const grid = this.matrix(text), size = grid.length + 8;
		const make = (name, attributes) => {
			const element = document.createElementNS('http://www.w3.org/2000/svg', name);
			Object.keys(attributes).forEach(key => element.setAttribute(key, attributes[key]));
			return element;
		};
		const svg = make('svg', {
			'viewBox': '0 0 ' + size + ' ' + size, 'class': 'tq-qr', 'role': 'img', 'aria-label': label,
			'shape-rendering': 'crispEdges'
		});
		svg.appendChild(make('rect', { width: size, height: size, fill: '#fff' }));
		svg.appendChild(make('path', { d: this.path(grid), fill: '#000' }));
		return svg;
	}
});
