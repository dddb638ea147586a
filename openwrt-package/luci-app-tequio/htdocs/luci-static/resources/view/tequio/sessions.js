'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';

function fetch() {
	return node.list('sessions', 'sessions');
}

function revoke(root, session) {
	return page.revoke(() => node.ask('revoke_verifier', session.verifier, 'revoked by the caretaker'),
		_('The voucher becomes worthless and this person is cut off at once. This cannot be undone.'),
		reply => page.tell(root, reply.trouble ? { kind: 'refused', text: reply.trouble.text } : null));
}

/* Lets out all devices of a voucher, or one of them. */
function end(root, session, device) {
	return page.confirm(device ? _('Let this device out?') : _('End this session?'),
		_('It is cut off at once and is told to ask here. What is left of the voucher is not lost: its code can be typed again.'),
		device ? _('Let out') : _('End session'), () => node.ask('session_end', session.verifier, device).then(
			reply => page.tell(root, reply.trouble ? { kind: 'refused', text: reply.trouble.text } : null)));
}

/* Its devices; of several each can be let out alone. */
function devices(root, session) {
	const several = L.hasViewPermission() && session.devices.length > 1;
	return session.devices.map(device => E('div', {}, [ E('code', {}, [ device ]) ].concat(several ? [ ' ', E('button', {
		'class': 'tq-button', 'data-device': device, 'click': () => end(root, session, device)
	}, [ _('Let out') ]) ] : [])));
}

function card(root, session) {
	const whole = session.used_s + session.remaining_s;
	const share = whole > 0 ? Math.round(100 * session.remaining_s / whole) : 0;
	return E('article', { 'class': 'tq-card tq-session', 'data-client': session.client }, [
		E('div', { 'class': 'tq-card-head' }, [
			E('h3', {}, [ session.plan ]),
			E('strong', {}, [ _('%s left').format([ format.duration(session.remaining_s) ].concat(
				session.remaining_bytes != null ? format.bytes(session.remaining_bytes) : []).join(', ')) ])
		]),
		E('div', { 'class': 'tq-bar', 'role': 'img', 'aria-label': _('%d %% left').format(share) }, [
			E('span', { 'style': 'width:' + share + '%' })
		]),
		page.facts([
			[ session.devices.length > 1 ? _('Devices') : _('Device'), devices(root, session) ],
			[ _('Now'), session.closed ? _('waits for the hours of its plan') : session.there ? _('is here') : _('has left') ],
			[ _('Used'), format.duration(session.used_s) ],
			[ _('Received'), format.bytes(session.down_bytes) ],
			[ _('Sent'), format.bytes(session.up_bytes) ]
		]),
		L.hasViewPermission() ? E('div', { 'class': 'tq-actions' }, [
			E('button', { 'class': 'tq-button', 'data-end': '', 'click': () => end(root, session, '') }, [ _('End session') ]),
			E('button', { 'class': 'tq-button', 'click': () => revoke(root, session) }, [ _('Revoke') ])
		]) : ''
	]);
}

function draw(root, list) {
	const down = list.entries.reduce((sum, session) => sum + session.down_bytes, 0);
	dom.content(page.body(root), [
		E('p', { 'class': 'tq-lead' }, [ list.total ?
			N_(list.total, '%d person is online through this node.', '%d people are online through this node.').format(list.total) +
				' ' + _('Received in these sessions: %s.').format(format.bytes(down)) :
			_('Nobody is online through this node now.') ]),
		list.suspended ? page.notice('warn',
			N_(list.suspended, '%d phone was asked for its code: one with its address is in use at another node.', '%d phones were asked for their codes: some with their addresses are in use at other nodes.').format(list.suspended)) : '',
		E('div', { 'class': 'tq-grid' }, list.entries.map(session => card(root, session))),
		list.total > list.entries.length ?
			page.notice('warn', _('Only the first %d are shown.').format(list.entries.length)) : ''
	]);
}

return view.extend({
	load: function() {
		return fetch();
	},

	render: function(loaded) {
		const root = page.frame();
		return page.follow(root, loaded, fetch, list => draw(root, list));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
