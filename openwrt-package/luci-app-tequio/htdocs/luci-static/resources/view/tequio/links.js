'use strict';
'require view';
'require dom';
'require tequio.change as change';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.past as past';

function fetch() {
	return node.all([ node.ask('links'), node.ask('neighbours') ]).then(reply => reply.trouble ? reply : {
		data: { links: reply.data[0].links, neighbours: reply.data[1].neighbours }
	});
}

/* The least that a link costs: what the configuration says, else the rule for its kind. */
function least(link) {
	return node.deviceCost(link.device) || (link.kind == 'wireless' ? 256 : 96);
}

/* The last sixteen Hellos, oldest first, as people read. */
function history(neighbour) {
	const heard = neighbour.hello_history.split('').reverse();
	const count = heard.filter(one => one == '1').length;
	return E('span', { 'class': 'tq-hellos', 'role': 'img', 'aria-label': _('%d of the last 16 signs of life were heard').format(count) },
		heard.map(one => E('i', { 'class': one == '1' ? 'tq-heard' : 'tq-missed' })));
}

function neighbourRow(neighbour, link) {
	const grade = format.grade(neighbour.cost, least(link));
	return E('li', { 'class': 'tq-neighbour' }, [
		E('div', { 'class': 'tq-card-head' }, [
			E('code', {}, [ neighbour.address ]),
			link.neighbours > 1 ? page.badge(grade, format.gradeWord(grade)) : ''
		]),
		history(neighbour),
		E('p', { 'class': 'tq-hint tq-way' }, [ format.linkWay((link.ways || []).find(way => way.address == neighbour.address)) ]),
		E('p', { 'class': 'tq-hint' }, [
			neighbour.cost == null ? _('Not used: %s.').format(format.reason(neighbour.reason)) :
				neighbour.txcost == neighbour.rxcost && neighbour.rxcost == neighbour.cost ? _('Cost %d in both directions').format(neighbour.cost) :
				_('Cost %d (to us %d, to it %s)').format(neighbour.cost, neighbour.rxcost, neighbour.txcost == null ? '–' : neighbour.txcost)
		])
	]);
}

/* What can be looked at or done with a link of a radio, ours or a closed one. */
function actions(link, open) {
	if (![ 'wireless', 'bridge' ].includes(link.kind) || !(link.ways || []).length)
		return '';
	const button = (what, words) => E('button', { 'class': 'tq-button', 'data-open': what, 'click': () => open(link, what) }, [ words ]);
	return E('div', { 'class': 'tq-actions' }, [ button('past', _('History')) ].concat(link.kind == 'wireless' && L.hasViewPermission() ? [ button('change', _('Change both ends')) ] : []));
}

function card(link, neighbours, open) {
	const name = node.deviceName(link.device), grade = link.up ? format.grade(link.cost, least(link)) : 'bad';
	const word = !link.up ? _('no carrier') : link.neighbours == 0 ? _('nobody there') : format.gradeWord(grade);
	const lost = (link.ways || []).filter(way => !way.alive && !neighbours.some(one => one.address == way.address));
	return E('article', { 'class': 'tq-card tq-link', 'data-device': link.device }, [
		E('div', { 'class': 'tq-card-head' }, [ E('h3', {}, [ name ]), page.badge(grade, word) ]),
		E('p', { 'class': 'tq-hint' }, [
			({ wired: _('cable'), tunnel: _('tunnel'), bridge: _('closed radio') }[link.kind] || _('radio')) + (name != link.device ? ' · ' + link.device : '') + ' · ' +
				_('a sign of life every %s s').format(format.number(link.hello_interval_ms / 1000, link.hello_interval_ms % 1000 ? 1 : 0))
		]),
		neighbours.length ? E('ul', { 'class': 'tq-list' }, neighbours.map(neighbour => neighbourRow(neighbour, link))) :
			E('p', {}, [ link.up ? _('No neighbour is heard here. Is the node at the other end running?') :
				_('The device is down: look at cable and power.') ])
	].concat(lost.map(way => E('p', { 'class': 'tq-hint tq-way' }, [ E('code', {}, [ way.address ]), ' · ' + format.linkWay(way) ])), [ actions(link, open) ]));
}

/* One link, as long as somebody looks at it or changes it: nothing is drawn anew under his finger. */
function single(root, link, what, close) {
	const form = what == 'change' ? change.make(root, link.device) : null, name = node.deviceName(link.device);
	dom.content(page.body(root), [
		E('div', { 'class': 'tq-actions tq-back' }, [ E('button', { 'class': 'tq-button', 'data-back': '', 'click': close }, [ '‹ ' + _('All links') ]) ]),
		E('section', { 'class': 'tq-card tq-single', 'data-device': link.device }, [
			E('div', { 'class': 'tq-card-head' }, [ E('h3', {}, [ name ]), E('span', { 'class': 'tq-hint' }, [ name == link.device ? '' : link.device ]) ])
		].concat(form ? [ E('h4', {}, [ _('Other settings for both ends') ]), form.body ] :
			link.ways.map(way => E('div', {}, [ link.ways.length > 1 ? E('h4', {}, [ E('code', {}, [ way.address ]) ]) : '', past.show(root, way.address, link.kind) ]))))
	]);
	root.scrollIntoView({ block: 'start' });
	if (form)
		form.update(link);
	return form;
}

function draw(root, data, open) {
	const up = data.links.filter(link => link.cost != null).length;
	dom.content(page.body(root), [
		E('p', { 'class': 'tq-lead' }, [ data.links.length ?
			_('%d of %d links work.').format(up, data.links.length) : _('No device of this node speaks with the mesh.') ]),
		E('div', { 'class': 'tq-grid' }, data.links.map(link =>
			card(link, data.neighbours.filter(neighbour => neighbour.interface == link.device), open)))
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ fetch(), node.configuration() ]);
	},

	render: function(loaded) {
		const root = page.frame();
		let now = null, showing = null;
		const open = (link, what) => {
			showing = { device: link.device, form: single(root, link, what, () => {
				showing = null;
				draw(root, now, open);
			}) };
		};
		return page.follow(root, loaded[0], fetch, data => {
			now = data;
			if (!showing)
				return draw(root, data, open);
			const link = data.links.find(candidate => candidate.device == showing.device);
			if (link && showing.form)
				showing.form.update(link);
		});
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
