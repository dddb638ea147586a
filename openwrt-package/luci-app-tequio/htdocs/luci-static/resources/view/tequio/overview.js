'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';

/* Since when there is no way outside: as the node tells it, else since this page has seen it. */
let downSince = null;
let seenDown = null;

function fetch() {
	return node.all([ node.ask('status'), node.ask('links') ]).then(reply => {
		if (reply.trouble)
			return reply;
		const status = reply.data[0];
		/* In minutes: a page that shows no seconds need not be drawn anew for them. */
		status.uptime_s -= status.uptime_s % 60;
		status.time.unix_s -= status.time.unix_s % 60;
		status.uplink.since = since(status.uplink);
		delete status.uplink.since_s;
		status.dead = reply.data[1].links.filter(link => link.cost == null).map(link => ({ device: link.device, up: link.up }));
		return { data: status };
	});
}

/* The moment when the way outside was lost, in milliseconds; null while there is one or nobody knows. Whole seconds come
   from the node, so what differs by a few is the same moment. */
function since(uplink) {
	if (uplink.state == 'up')
		return (downSince = seenDown = null);
	if (uplink.since_s == null) {
		const before = seenDown;
		seenDown = seenDown || Date.now();
		return before && Date.now() - before > 60000 ? before : null;
	}
	const told = Date.now() - uplink.since_s * 1000;
	if (downSince == null || Math.abs(told - downSince) > 10000)
		downSince = told;
	return downSince;
}

function headline(status) {
	const uplink = status.uplink;
	if (uplink.state == 'up') {
		const via = node.deviceName(uplink.via), way = format.way(uplink);
		return uplink.metric == 0 ?
			[ 'good', _('Internet works, right here (%s).').format([ via ].concat(way).join(', ')), _('This node is the way outside for its neighbours.') ] :
			[ 'good', _('Internet works, through %s.').format([ via ].concat(way).join(', ')), uplink.gateway ?
				_('The way outside is at %s. Cost of the way: %d').format(uplink.gateway, uplink.metric) :
				_('Cost of the way: %d').format(uplink.metric) ];
	}
	return [ 'bad',
		uplink.since == null ? _('No way outside.') : _('No way outside since %s.').format(format.moment(new Date(uplink.since), new Date())),
		_('What is in the village goes on: the library, calls between neighbours, this page. Time of vouchers does not run.') ];
}

function hero(status) {
	const words = headline(status);
	return E('section', { 'class': 'tq-hero tq-' + words[0] }, [
		page.icon(words[0] == 'good' ? 'yes' : 'no'),
		E('div', {}, [ E('h2', {}, [ words[1] ]), E('p', {}, [ words[2] ]) ])
	]);
}

/* What the node says needs looking at, and links on which nobody is heard: a silent link has no neighbour to complain of. */
function alerts(status) {
	const known = status.alerts.map(format.told);
	const said = known.map(alert => format.alert(alert, node.deviceName));
	const silent = status.dead.filter(link => !known.some(alert => alert.message.indexOf(' on ' + link.device + ':') > 0))
		.map(link => (link.up ? _('Nobody is heard on the link %s.') : _('The link %s has no carrier: look at cable and power.'))
			.format(node.deviceName(link.device)));
	const all = said.concat(silent);
	if (all.length)
		return E('div', {}, all.map(text => page.notice('warn', text)));
	return status.uplink.state == 'up' ? page.notice('good', _('Nothing needs your attention.')) : '';
}

function draw(root, status) {
	dom.content(page.body(root), [
		hero(status),
		E('div', { 'class': 'tq-figures' }, [
			page.figure(status.sessions, N_(status.sessions, 'person online', 'people online'), 'sessions'),
			page.figure(status.neighbours, N_(status.neighbours, 'neighbour', 'neighbours'), 'links'),
			page.figure(status.routes, N_(status.routes, 'known network', 'known networks'), 'mesh')
		]),
		alerts(status),
		page.facts([
			[ _('Node'), status.node ],
			[ _('Community'), status.community || _('none yet') ],
			[ _('Clock'), [ format.clock(new Date(status.time.unix_s * 1000)), ' ', E('small', {}, [ format.quality(status.time.quality, status.time.confirmed) ]) ] ],
			[ _('Running for'), status.uptime_s < 60 ? _('less than a minute') : format.duration(status.uptime_s) ],
			[ _('Members'), status.members ],
			[ _('Version'), status.version ]
		])
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ fetch(), node.configuration() ]);
	},

	render: function(loaded) {
		const root = page.frame();
		return page.follow(root, loaded[0], fetch, status => draw(root, status));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
