'use strict';
'require baseclass';

/*
 * The mesh as this node knows it: itself, its neighbours, and behind each neighbour the nodes whose networks are reached
 * through it. No node knows all links, so none are drawn between others. Pure: routes and neighbours in, places out.
 */

/* The shortest network of a node says best who it is: its own address, else its first network. */
function label(prefixes) {
	const own = prefixes.filter(prefix => /^[0-9.]+\/32$/.test(prefix)).sort()[0];
	if (own)
		return own.replace('/32', '');
	return prefixes.filter(prefix => prefix.indexOf('.') > 0 && prefix != '0.0.0.0/0').sort()[0] || prefixes[0] || '';
}

function isDefault(prefix) {
	return prefix == '0.0.0.0/0' || prefix == '::/0';
}

/* Devices with the cost of their best neighbour. */
function devicesOf(neighbours) {
	const devices = [];
	neighbours.forEach(neighbour => {
		const known = devices.find(device => device.name == neighbour.interface);
		if (!known)
			devices.push({ name: neighbour.interface, cost: neighbour.cost });
		else if (neighbour.cost != null && (known.cost == null || neighbour.cost < known.cost))
			known.cost = neighbour.cost;
	});
	return devices;
}

/* Per device: who is behind it at once, and who is farther. */
function groupsOf(model) {
	return model.devices.map(device => {
		const behind = model.nodes.filter(node => node.device == device.name);
		const near = behind.filter(node => node.neighbour), far = behind.filter(node => !node.neighbour);
		const nobody = { id: 'device ' + device.name, label: '', prefixes: [], outside: false, metric: device.cost };
		return { device: device, near: near.length ? near : [ nobody ], far: far };
	});
}

function link(places, from, to, cost) {
	const at = id => places.find(place => place.node.id == id);
	return { a: at(from), b: at(to), cost: cost };
}

return baseclass.extend({
	/* {nodes: [{id, label, device, metric, prefixes, outside, neighbour}], devices: [{name, cost}]} */
	model: function(routes, neighbours) {
		const nodes = {}, near = {};
		const learnt = routes.filter(route => route.via != null);
		learnt.filter(route => route.refmetric === 0).forEach(route => { near[route.interface + ' ' + route.router_id] = true; });
		learnt.filter(route => route.selected && route.metric != null).forEach(route => {
			const known = nodes[route.router_id] || (nodes[route.router_id] = {
				id: route.router_id, device: route.interface, metric: route.metric, prefixes: [], outside: false
			});
			known.prefixes.push(route.prefix);
			known.outside = known.outside || isDefault(route.prefix);
			if (route.metric < known.metric)
				Object.assign(known, { metric: route.metric, device: route.interface });
		});
		const all = Object.keys(nodes).map(id => Object.assign(nodes[id], {
			label: label(nodes[id].prefixes), neighbour: near[nodes[id].device + ' ' + id] === true
		}));
		const devices = devicesOf(neighbours);
		all.forEach(node => {
			if (!devices.some(device => device.name == node.device))
				devices.push({ name: node.device, cost: node.metric });
		});
		return { nodes: all.sort((a, b) => a.metric - b.metric || (a.id < b.id ? -1 : 1)), devices: devices };
	},

	/* For a wide page: from left to right. {width, height, places: [{node, x, y, kind, device}], lines: [{a, b, cost}]} */
	wide: function(model) {
		const places = [], wanted = [], row = 84;
		let rows = 0;
		groupsOf(model).forEach(group => {
			const high = Math.max(group.near.length, group.far.length);
			const y = (count, i) => 50 + (rows + (high - count) / 2 + i) * row;
			group.near.forEach((node, i) => {
				places.push({ node: node, x: 350, y: y(group.near.length, i), kind: group.device.cost == null ? 'cut' : 'near', device: group.device.name });
				wanted.push([ 'self', node.id, group.device.cost ]);
			});
			group.far.forEach((node, i) => {
				places.push({ node: node, x: 630, y: y(group.far.length, i), kind: 'far', device: group.device.name });
				wanted.push([ group.near[Math.min(i, group.near.length - 1)].id, node.id, node.metric ]);
			});
			rows += high;
		});
		const height = 16 + Math.max(1, rows) * row;
		places.push({ node: { id: 'self', prefixes: [] }, x: 80, y: height / 2, kind: 'self' });
		return { width: 740, height: height, places: places, lines: wanted.map(one => link(places, one[0], one[1], one[2])) };
	},

	/* For a phone: from top to bottom, each one step further in than what it is behind. */
	narrow: function(model) {
		const places = [ { node: { id: 'self', prefixes: [] }, x: 24, y: 30, kind: 'self' } ], wanted = [];
		let y = 30;
		groupsOf(model).forEach(group => {
			group.near.forEach(node => {
				places.push({ node: node, x: 62, y: y += 56, kind: group.device.cost == null ? 'cut' : 'near', device: group.device.name });
				wanted.push([ 'self', node.id, group.device.cost ]);
			});
			group.far.forEach(node => {
				places.push({ node: node, x: 100, y: y += 56, kind: 'far', device: group.device.name });
				wanted.push([ group.near[group.near.length - 1].id, node.id, node.metric ]);
			});
		});
		return { width: 320, height: y + 36, places: places, lines: wanted.map(one => link(places, one[0], one[1], one[2])) };
	}
});
