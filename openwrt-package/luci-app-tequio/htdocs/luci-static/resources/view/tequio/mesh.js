'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.graph as graph';
'require tequio.node as node';
'require tequio.page as page';

let ownName = '';

const RADIUS = { self: 15, near: 12, cut: 12, far: 9 };

function fetch() {
	return node.all([ node.list('routes', 'routes'), node.ask('neighbours'), node.ask('status') ]).then(reply => {
		if (reply.trouble)
			return reply;
		ownName = reply.data[2].node;
		const model = graph.model(reply.data[0].entries, reply.data[1].neighbours);
		return { data: { model: model, total: reply.data[0].total, shown: reply.data[0].entries.length } };
	});
}

function words(place, wide, line, kind, text) {
	const radius = RADIUS[place.kind];
	return wide ? page.svg('text', { x: place.x, y: line == 0 ? place.y - radius - 9 : place.y + radius + 19, 'class': 'tq-graph-' + kind, 'text-anchor': 'middle' }, [ text ]) :
		page.svg('text', { x: place.x + radius + 10, y: place.y + (line == 0 ? -3 : 15), 'class': 'tq-graph-' + kind }, [ text ]);
}

/* Wide pages get curves from left to right, phones elbows from top to bottom. */
function line(one, wide) {
	const a = one.a, b = one.b, middle = (a.x + b.x) / 2;
	const way = wide ? 'M' + a.x + ' ' + a.y + 'C' + middle + ' ' + a.y + ' ' + middle + ' ' + b.y + ' ' + b.x + ' ' + b.y :
		'M' + a.x + ' ' + a.y + 'V' + (b.y - 14) + 'Q' + a.x + ' ' + b.y + ' ' + (a.x + 14) + ' ' + b.y + 'H' + b.x;
	return page.svg('path', { d: way, 'class': 'tq-graph-line' + (one.cost == null ? ' tq-cut' : '') });
}

function place(one, wide) {
	const known = one.node, self = one.kind == 'self';
	const name = self ? ownName : one.kind == 'far' ? known.label : node.deviceName(one.device);
	const note = self ? _('this node') : one.kind == 'cut' ? _('no connection') :
		(one.kind == 'near' && known.label ? known.label + ' · ' : '') + _('cost %d').format(known.metric) + (known.outside ? ' · ' + _('way outside') : '');
	return page.svg('g', {}, [
		page.svg('circle', { cx: one.x, cy: one.y, r: RADIUS[one.kind], 'class': 'tq-graph-node tq-graph-' + one.kind + (known.outside ? ' tq-outside' : '') }),
		words(one, wide, 0, 'name', name),
		words(one, wide, 1, 'note', note)
	]);
}

function picture(model) {
	const wide = window.innerWidth >= 760, drawn = wide ? graph.wide(model) : graph.narrow(model);
	return page.svg('svg', {
		'class': 'tq-graph', 'viewBox': '0 0 ' + drawn.width + ' ' + drawn.height, 'role': 'img',
		'aria-label': _('This node, its neighbours, and who is reached through them')
	}, drawn.lines.map(one => line(one, wide)).concat(drawn.places.map(one => place(one, wide))));
}

function table(model) {
	return E('ul', { 'class': 'tq-list tq-nodes' }, model.nodes.map(known => E('li', {}, [
		E('details', {}, [
			E('summary', { 'class': 'tq-row' }, [
				E('code', {}, [ known.label || known.id ]),
				E('span', {}, [ _('through %s').format(node.deviceName(known.device)) ])
			]),
			page.facts([
				[ _('Cost'), known.metric ],
				[ _('Networks'), known.prefixes.map(prefix => E('code', {}, [ prefix ])) ],
				[ _('Router id'), [ E('code', {}, [ known.id ]) ] ]
			])
		])
	])));
}

/* "Why does it go there?" */
function question() {
	const input = E('input', {
		'class': 'tq-input', 'id': 'tq-why', 'type': 'text', 'inputmode': 'text', 'autocomplete': 'off', 'maxlength': '45',
		'placeholder': '8.8.8.8'
	});
	const answer = E('div', { 'class': 'tq-place', 'aria-live': 'polite' });
	const ask = event => {
		event.preventDefault();
		return node.ask('why', input.value.trim()).then(reply => {
			if (reply.trouble)
				return dom.content(answer, page.notice('bad', reply.trouble.text));
			dom.content(answer, [
				E('p', {}, [ reply.data.text ]),
				E('ul', { 'class': 'tq-list' }, reply.data.candidates.map(way => E('li', {}, [
					E('div', { 'class': 'tq-card-head' }, [
						E('strong', {}, [ node.deviceName(way.interface) ]),
						page.badge(way.selected ? 'good' : 'weak', way.selected ? _('in use') : _('not in use'))
					]),
					E('p', { 'class': 'tq-hint' }, [ way.reason ])
				])))
			]);
		});
	};
	return E('section', { 'class': 'tq-card' }, [
		E('h3', {}, [ E('label', { 'for': 'tq-why' }, [ _('Why does an address go where it goes?') ]) ]),
		E('form', { 'class': 'tq-form', 'submit': ask }, [
			input, E('button', { 'class': 'tq-button', 'type': 'submit' }, [ _('Ask') ])
		]),
		answer
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ fetch(), node.configuration() ]);
	},

	render: function(loaded) {
		const here = E('div', { 'class': 'tq-stack' }), root = page.frame([ here, question() ]);
		return page.follow(root, loaded[0], fetch, data => dom.content(here, [
			E('p', { 'class': 'tq-lead' }, [ data.model.nodes.length ?
				N_(data.model.nodes.length, 'This node knows %d other node.', 'This node knows %d other nodes.').format(data.model.nodes.length) :
				_('This node knows no other node yet.') ]),
			E('div', { 'class': 'tq-card' }, [ picture(data.model) ]),
			data.total > data.shown ? page.notice('warn', _('Only the first %d routes are shown.').format(data.shown)) : '',
			table(data.model)
		]));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
