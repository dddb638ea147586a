'use strict';
'require baseclass';

/*
 * A history as a line: figures in, places out. Pure; who draws it is tequio.past. A step of which nothing is known is a
 * gap, and what was planned is a line across.
 */

const WIDTH = 340, HEIGHT = 118, LEFT = 40, RIGHT = 8, TOP = 10, BOTTOM = 22;

/* "-61,,-59" as numbers and nulls. */
function figures(text) {
	return String(text).split(',').map(one => /^-?\d+$/.test(one) ? Number(one) : null);
}

/* Whole bounds around all values, never nearer than `least`, with some air. */
function bounds(values, least) {
	const low = Math.min.apply(null, values), high = Math.max.apply(null, values);
	const room = Math.max(least - (high - low), (high - low) * 0.1, 0) / 2;
	return [ Math.floor(low - room), Math.ceil(high + room) ];
}

return baseclass.extend({
	figures: figures,

	/* {width, height, low, high, lines: [path], dots: [[x, y]], plan, left, bottom, right}, or null if nothing is known. `shape`: {planned, least, from,
	   to}: what was planned; how far apart the bounds are at least; bounds that the values do not leave. */
	model: function(values, shape) {
		const known = values.filter(value => value != null);
		if (!known.length)
			return null;
		const wide = bounds(shape.planned == null ? known : known.concat([ shape.planned ]), shape.least);
		const low = shape.from == null ? wide[0] : Math.max(shape.from, wide[0]), high = shape.to == null ? wide[1] : Math.min(shape.to, wide[1]);
		const round = number => Math.round(number * 10) / 10;
		const x = at => round(LEFT + (values.length > 1 ? at / (values.length - 1) : 1) * (WIDTH - LEFT - RIGHT));
		const y = value => round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM));
		const lines = [], dots = [];
		let part = [];
		const end = () => {
			if (part.length == 1)
				dots.push(part[0]);
			else if (part.length)
				lines.push('M' + part.map(place => place[0] + ' ' + place[1]).join('L'));
			part = [];
		};
		values.forEach((value, at) => {
			if (value == null)
				end();
			else
				part.push([ x(at), y(value) ]);
		});
		end();
		return {
			width: WIDTH, height: HEIGHT, left: LEFT, right: WIDTH - RIGHT, bottom: HEIGHT - BOTTOM, top: TOP, low: low, high: high, lines: lines, dots: dots,
			plan: shape.planned == null ? null : y(shape.planned)
		};
	}
});
