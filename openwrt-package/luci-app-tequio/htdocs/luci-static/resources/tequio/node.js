'use strict';
'require baseclass';
'require rpc';
'require uci';

/*
 * What a page asks of the node. Every call ends in {data} or in {trouble: {kind, text}}, never in an exception: a page
 * has a sentence for everything that can happen.
 *
 * Kinds of trouble: "away" (the program is starting again), "far" (the page does not reach the node), "denied" (rpcd
 * does not let this login), "refused" (the program says no; code is its word of docs/ubus.md), "odd" (anything else).
 */

const declare = (method, params) => rpc.declare({
	object: 'tequio', method: method, params: params, expect: { '': {} }, reject: true
});

const CALLS = {
	status: declare('status', []),
	neighbours: declare('neighbours', []),
	routes: declare('routes', [ 'offset', 'limit' ]),
	why: declare('why', [ 'destination' ]),
	links: declare('links', []),
	link_history: declare('link_history', [ 'link', 'resolution', 'columns' ]),
	link_align: declare('link_align', [ 'device', 'action' ]),
	link_change: declare('link_change', [ 'device', 'channel', 'width', 'power', 'distance', 'key', 'ssid' ]),
	plan_link: declare('plan_link', [ 'from', 'to', 'distance', 'ground', 'mast', 'gain', 'power', 'frequency', 'width', 'chip', 'allowed', 'names', 'language' ]),
	plans: declare('plans', []),
	sessions: declare('sessions', [ 'offset', 'limit' ]),
	voucher_issue: declare('voucher_issue', [ 'plan', 'count', 'key' ]),
	voucher_show: declare('voucher_show', [ 'code' ]),
	session_end: declare('session_end', [ 'verifier', 'device' ]),
	revoke_code: declare('voucher_revoke', [ 'code', 'reason' ]),
	revoke_verifier: declare('voucher_revoke', [ 'verifier', 'reason' ]),
	voucher_print: declare('voucher_print', [ 'plan', 'count', 'person', 'key' ]),
	voucher_give: declare('voucher_give', [ 'plan', 'count', 'person', 'reason', 'minutes', 'key' ]),
	voucher_exchange: declare('voucher_exchange', [ 'code' ]),
	voucher_extend: declare('voucher_extend', [ 'code', 'seconds', 'days', 'data_mb', 'reason', 'key' ]),
	voucher_honour: declare('voucher_honour', [ 'code', 'plan', 'reason', 'key' ]),
	hand_over: declare('hand_over', [ 'lot', 'person', 'key' ]),
	settle: declare('settle', [ 'person', 'amount', 'key' ]),
	agree: declare('agree', [ 'record' ]),
	expense: declare('expense', [ 'amount', 'what', 'key' ]),
	contribute: declare('contribute', [ 'amount', 'what', 'key' ]),
	person_set: declare('person_set', [ 'person', 'role', 'node', 'passphrase', 'key' ]),
	plan_set: declare('plan_set', [ 'plan', 'name', 'price', 'seller_share', 'shares', 'seconds', 'days', 'data_mb', 'devices', 'hours', 'down_kbps', 'up_kbps', 'sellers', 'key' ]),
	service_set: declare('service_set', [ 'name', 'title', 'node', 'prefixes', 'free', 'icon', 'port', 'key' ]),
	mode_set: declare('mode_set', [ 'mode', 'reason', 'key' ]),
	time_set: declare('time_set', [ 'unix_s' ]),
	books_close: declare('books_close', [ 'month' ]),
	books: declare('books', [ 'month' ]),
	network: declare('network', []),
	reload: declare('reload', [])
};

/* Entries of a part of a list: 64 routes are 13 kB, 64 sessions of 16 devices each and the longest names 50 kB. No reply
   shall be over 64 kB. */
const PAGE = 64;

/* A list that is longer than this is not shown whole on a phone. */
const MOST = 500;

/* What the program refuses, in the reader's language. The rest is said as it came. */
function refusal(error) {
	switch (error.code) {
	case 'address': return _('This is no IP address. An example: 8.8.8.8');
	case 'busy': return _('The node has too much to do just now. Try again in a moment.');
	case 'code-wrong': return _('This is no code of this community. Look for a typing mistake.');
	case 'no-epoch': return _('This node has not received the community\'s secrets yet: it cannot sell.');
	case 'no-member': return _('This node has not been admitted to a community yet: it cannot sell.');
	case 'no-right': return _('At this node your login may not do that. Whoever administers the node can allow it.');
	case 'no-session': return _('You have been logged out. Load the page again and log in.');
	case 'session-unknown': return _('Nobody is online through this node with that voucher any more.');
	case 'not-saved': return _('Nothing was sold: the node cannot save. Internet and sessions go on. Tell an operator.');
	case 'link-unknown': return _('Nothing was heard over this link since the program started.');
	case 'device': return _('The mesh speaks on no radio of this name.');
	case 'setting': return _('This is no value that a radio takes: %s').format(error.message);
	case 'plan': return _('This cannot be reckoned: %s').format(error.message);
	case 'plan-terms': return _('The plan cannot be put on sale so: %s').format(error.message);
	case 'plan-unknown': return _('This plan is no longer on sale. Load the page again.');
	case 'timeout': return _('The node was too busy to answer. Try again.');
	case 'amount': return _('The node does not take this amount: it is written like 12.50, and nobody pays more than she owes here.');
	case 'exchanged': return _('This voucher was exchanged at another node already, or is worthless.');
	case 'lot': return _('This node has no paper of that lot that could be handed over.');
	case 'not-exposed': return _('This voucher is as good as it was: it need not be exchanged.');
	case 'name': return _('This cannot be part of an address: 1 to 32 of a to z, 0 to 9 and -, like library.');
	case 'node': return _('There is no node of that name in the community.');
	case 'passphrase': return _('A passphrase has 8 letters at least.');
	case 'time': return _('The node does not take this time. Look at the date of this device.');
	case 'record': return _('Nothing of that name waits any more. Look again.');
	case 'voucher-unknown': return _('This node does not know that voucher.');
	default: return String(error.message || error.code || '?');
	}
}

/* What an exception of LuCI's means. Its texts are not translated where they carry a number. */
function trouble(error) {
	if (error && error.name == 'SessionError')
		return { kind: 'denied', text: refusal({ code: 'no-session' }) };
	const text = String((error && error.message) || error);
	const number = /(?:error|ubus code) (-?\d+)/.exec(text);
	switch (number ? Number(number[1]) : null) {
	case -32002:
	case 6:
		return { kind: 'denied', text: _('Your login may not do that.') };
	case -32000:
	case 4:
	case 10:
		return { kind: 'away', text: _('The node\'s program is starting again. This page goes on by itself.') };
	case -32003:
	case 7:
		return { kind: 'away', text: _('The node does not answer. This page keeps asking.') };
	case null:
		return { kind: 'far', text: _('This page does not reach the node. Is this device still in its network?') };
	default:
		return { kind: 'odd', text: text };
	}
}

function name(device, sections) {
	const section = sections.find(candidate => candidate.device == device && !candidate['.anonymous']);
	return section ? section['.name'].replace(/_/g, ' ') : device;
}

return baseclass.extend({
	ask: function(method) {
		const args = Array.prototype.slice.call(arguments, 1);
		return CALLS[method].apply(null, args).then(data => {
			if (data == null || typeof(data) != 'object')
				return { trouble: trouble('ubus code 4') };
			if (data.error)
				return { trouble: { kind: 'refused', code: data.error.code, text: refusal(data.error) } };
			return { data: data };
		}, error => ({ trouble: trouble(error) }));
	},

	/* Asks until codes are made: of many, or on a busy node, that takes longer than a call. The same key makes them once. */
	patiently: function(ask) {
		return ask().then(reply => reply.trouble && reply.trouble.code == 'working' ? this.patiently(ask) : reply);
	},

	/* A whole list, page by page. */
	list: function(method, member) {
		const entries = [];
		const next = () => this.ask(method, entries.length, PAGE).then(reply => {
			if (reply.trouble)
				return reply;
			const part = Array.isArray(reply.data[member]) ? reply.data[member] : [];
			entries.push.apply(entries, part);
			if (part.length == 0 || entries.length >= reply.data.total || entries.length >= MOST)
				return { data: Object.assign(reply.data, { entries: entries, total: Math.max(reply.data.total || 0, entries.length) }) };
			return next();
		});
		return next();
	},

	/* Several calls at once: {data: [...]}, or the first trouble. */
	all: function(asked) {
		return Promise.all(asked).then(replies => {
			const bad = replies.find(reply => reply.trouble);
			return bad || { data: replies.map(reply => reply.data) };
		});
	},

	/* The configuration, if it can be had: names of devices and the portal are nice to know, no more. */
	configuration: function() {
		return uci.load('tequio').catch(() => null);
	},

	/* What people call a device: the name of its section, if it has one. */
	deviceName: function(device) {
		return name(device, uci.sections('tequio', 'interface').concat(uci.sections('tequio', 'uplink')));
	},

	/* Keeps options with the device of this name in the session: they count once they are applied, as all settings. */
	keep: function(device, values) {
		const section = uci.sections('tequio', 'interface').find(candidate => candidate.device == device);
		if (!section)
			return Promise.reject(new Error('no section for ' + device));
		Object.keys(values).forEach(option => uci.set('tequio', section['.name'], option, String(values[option])));
		return uci.save();
	},

	/* Devices of radios that the mesh speaks on, by the configuration. */
	radios: function() {
		return uci.sections('tequio', 'interface').filter(section => section.kind == 'wireless').map(section => section.device);
	},

	/* The cost that the configuration gives a device of the mesh, or null. */
	deviceCost: function(device) {
		const section = uci.sections('tequio', 'interface').find(candidate => candidate.device == device);
		return section && Number(section.rxcost) || null;
	},

	/* Where a phone types a code: host and port of this node's portal, or null. */
	portal: function() {
		const hotspot = uci.sections('tequio', 'hotspot')[0];
		if (!hotspot)
			return null;
		const host = hotspot.portal_host || '192.0.2.1', port = host == '192.0.2.1' ? '80' : hotspot.portal_port || '2080';
		return host ? host + (port == '80' ? '' : ':' + port) : null;
	},

	/* A key of a sale: whoever taps twice with the same one buys once. */
	key: function() {
		return Array.from(crypto.getRandomValues(new Uint8Array(12)), octet => (octet + 256).toString(16).slice(1)).join('');
	}
});
