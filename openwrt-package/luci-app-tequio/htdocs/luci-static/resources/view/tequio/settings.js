'use strict';
'require view';
'require form';
'require uci';
'require ui';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.rules as rules';

/* Remembers over the loading of a page that a configuration was applied. */
const APPLIED = 'tequio.applied';

/* Title, and what the option is for. */
function words(section, name) {
	return {
		node: {
			name: [ _('Name'), _('The node\'s name in reports and on the portal.') ],
			state_dir: [ _('State folder'), _('Keys and journal: what must outlive a power cut. Needs a restart.') ],
			run_dir: [ _('Run folder'), _('What one boot remembers. Needs a restart.') ],
			hosts: [ _('File of names'), _('What members serve, for dnsmasq. Needs a restart.') ],
			ubus_socket: [ _('ubus socket'), _('Needs a restart.') ],
			ubus_babeld: [ _('Object babeld'), _('For programs that know only babeld. Needs a restart.') ],
			route_table: [ _('Routing table'), _('Kernel table of our routes; 254 is the main one. Needs a restart.') ],
			route_priority: [ _('Route priority'), _('Ours are known by it, so nobody else may use it. Needs a restart.') ],
			stale_routes_s: [ _('Stale routes'), _('Seconds after a start until old routes that nobody confirmed are taken away. Needs a restart.') ],
			outside: [ _('Measured at'), _('A machine outside that is pinged to tell how far the outside is.') ],
			address_plan: [ _('Address plan'), _('The village\'s own prefixes: only these, and ways outside, are taken from neighbours and told them. None: everything.') ],
			log_level: [ _('Log level'), _('What is logged: this and everything graver.') ]
		},
		interface: {
			device: [ _('Device'), _('The kernel\'s name of the device.') ],
			kind: [ _('Kind'), _('A cable is good or dead; the cost of a radio grows with its loss. A bridge is a cable to a closed radio.') ],
			hello_interval_ms: [ _('Sign of life'), _('Milliseconds between two Hellos.') ],
			update_interval_ms: [ _('Full update'), _('Milliseconds between two full updates.') ],
			rxcost: [ _('Cost'), _('Of receiving here on a perfect link.') ],
			distance_m: [ _('Distance'), _('Metres to the other end of a radio link: it waits so long for an answer.') ],
			split_horizon: [ _('Split horizon'), _('Routes learnt here are not announced back here. Only on a cable where all hear all.') ],
			auth: [ _('Signatures'), _('Whether packets are signed, and whether who cannot sign is heard.') ],
			key: [ _('Keys'), _('Names of the keys that are used here.') ],
			radio: [ _('Radio'), _('Devices with the same word here share the air: going on over it costs more.') ],
			v4_via_v6: [ _('IPv4 over IPv6'), _('On: no IPv4 address is needed here. Off: for neighbours that want one as next hop.') ],
			hop_cost: [ _('Cost of a hop'), _('Of a radio link, beside what its throughput costs.') ],
			airtime_cost: [ _('Cost of airtime'), _('Of a radio link of 1 Mbit/s; quicker ones cost their part of it. 0: the throughput does not count.') ],
			throughput_kbit: [ _('Throughput'), _('What radio links here carry, in kbit/s, for radios that cannot say it.') ],
			planned_kbit: [ _('Planned throughput'), _('In kbit/s: the quality of a link is what it carries in parts of this.') ],
			planned_signal_dbm: [ _('Planned signal'), _('In dBm, what this end is to hear: the planner writes it, and 6 dB less is told.') ],
			change: [ _('May be changed'), _('What may be changed at both ends of a radio link at once, also by the member at the other end.') ],
			dead_man_s: [ _('Way back'), _('Seconds after which each end of a link goes back to its old settings, if the new ones do not work.') ],
			control_file: [ _('File of its program'), _('Where no netifd is: the configuration file of the hostapd or wpa_supplicant of this radio. Builds for MIPS ask netifd in any case.') ],
			recover_per_day: [ _('Recoveries'), _('How many times a day a radio on which nothing is heard is woken: a scan, a new association, at last down and up. 0: never.') ]
		},
		key: {
			name: [ _('Name'), _('What the devices know it by.') ],
			algorithm: [ _('Algorithm'), _('How signatures are made of it.') ],
			use: [ _('Use'), _('A new key first checks everywhere, then signs.') ],
			value: [ _('Key'), _('Hex digits. Whoever may look at these settings sees it: a file is better.') ],
			file: [ _('File'), _('A file that holds the key and that root alone can read.') ]
		},
		announce: {
			prefix: [ _('Prefix'), _('Announced while the kernel has that route or an address in it.') ],
			source: [ _('From'), _('Only for packets that come from there.') ],
			metric: [ _('Metric'), _('The metric that it starts with.') ]
		},
		filter: {
			direction: [ _('Direction'), _('Whether it is about what neighbours say, what they are told, or the kernel\'s other routes.') ],
			prefix: [ _('Prefix'), _('Destinations inside; alone, just this one.') ],
			ge: [ _('Least length'), _('Bits that the destination has at least.') ],
			le: [ _('Greatest length'), _('Bits that it has at most.') ],
			source: [ _('From'), _('Only for packets that come from there.') ],
			device: [ _('Device'), _('Where it comes in or goes out.') ],
			protocol: [ _('Made by'), _('Number of the program that made the route: 3 boot, 4 static.') ],
			table: [ _('Routing table'), _('Kernel table that it stands in.') ],
			action: [ _('Action'), _('The first filter that fits decides.') ],
			metric: [ _('Metric'), _('Added to what it costs, or what it starts with.') ]
		},
		entitled: {
			prefix: [ _('Prefixes'), _('What is theirs, with all that lies inside. A default route is just that.') ],
			router_id: [ _('Routers'), _('Who may announce it. None: nobody but this node.') ]
		},
		uplink: {
			device: [ _('Device'), _('Default routes through it are announced while they exist and somebody outside answers.') ],
			metric: [ _('Metric'), _('Gateways share the village by it: a way that costs money gets a high one.') ],
			ping: [ _('Pings'), _('Machines outside that answer pings.') ],
			dns: [ _('Resolvers'), _('Resolvers outside that are asked for the names of the root.') ],
			http: [ _('Pages'), _('Pages outside, at machines whose address is given.') ],
			probe_interval_s: [ _('Asked each'), _('Seconds between two rounds of questions.') ],
			month_mb: [ _('Megabytes a month'), _('When it has carried as much, both ways together, it is not announced until the next month.') ],
			hours: [ _('Hours'), _('When it is announced. None: always.') ],
			source: [ _('Who may use it'), _('Prefixes that packets must come from. None: everybody.') ]
		},
		queue: {
			device: [ _('Device'), _('The slow link: the way outside, or a thin link of the mesh.') ],
			download_kbit: [ _('Arriving kbit/s'), _('0.9 of what arrives at a bad hour. None: 0.9 of what its radio link carries, else no queue.') ],
			upload_kbit: [ _('Leaving kbit/s'), _('0.9 of what leaves at a bad hour. None: 0.9 of what its radio link carries, else no queue.') ]
		},
		hotspot: {
			device: [ _('Device'), _('What guests are behind, usually a bridge. Needs a restart.') ],
			address: [ _('Address'), _('Ours there; the portal listens on it. Needs a restart.') ],
			prefix: [ _('Prefix'), _('Where guests get their addresses from. Needs a restart.') ],
			prefix6: [ _('IPv6 prefixes'), _('The same for IPv6. Needs a restart.') ],
			portal_port: [ _('Portal port'), _('Needs a restart.') ],
			portal_host: [ _('Portal name'), _('Name or address that guests are sent to, and that QR codes carry.') ],
			lease_s: [ _('Lease'), _('Seconds that the kernel lets a guest through before it asks again.') ],
			usage_interval_s: [ _('Counting'), _('Seconds between two readings of the counters; at most a third of the lease.') ],
			language: [ _('Language'), _('Of portal pages when the browser asks for none that we have.') ],
			words: [ _('Folder of words'), _('One file a language, like pt.txt. A new file is a new language.') ],
			infrastructure: [ _('Infrastructure'), _('Where the mesh\'s own machines live: guests reach nothing there. Needs a restart.') ],
			night: [ _('Night'), _('Hours at which coupons open nothing. None: they always do.') ],
			call: [ _('Whom to call in need'), _('A number and a name, shown on every page of the portal.') ]
		},
		service: {
			name: [ _('Name'), _('Its name on the portal.') ],
			url: [ _('URL'), _('Where a browser finds it.') ],
			prefix: [ _('Addresses'), _('Where it lives: addresses or prefixes.') ]
		},
		policy: {
			name: [ _('Name'), _('Its name for people.') ],
			mac: [ _('Devices of guests'), _('Their MAC addresses.') ],
			device: [ _('Networks of its own'), _('Devices of this node that lead there.') ],
			hours: [ _('Hours'), _('When it is open. None: always.') ],
			download_kbit: [ _('Arriving kbit/s'), _('The most that it gets, together.') ],
			upload_kbit: [ _('Leaving kbit/s'), _('The most that it sends, together.') ]
		},
		person: {
			login: [ _('Login'), _('The name that the person logs in with.') ],
			name: [ _('Name'), _('The name in accounts.') ],
			role: [ _('Role'), _('Viewers look, caretakers also sell and revoke, admins do everything.') ]
		}
	}[section][name];
}

function choiceWords(value) {
	return {
		community: _('as the community\'s secrets have it'), off: _('off'), sign: _('sign'), strict: _('sign, and refuse who does not'), verify: _('only check'),
		wired: _('cable'), wireless: _('radio'), tunnel: _('tunnel'), bridge: _('cable to a closed radio'),
		in: _('what neighbours say'), out: _('what they are told'), redistribute: _('the kernel\'s routes'), allow: _('allow'), deny: _('deny'),
		es: 'Español', en: 'English', admin: _('admin'), caretaker: _('caretaker'),
		viewer: _('viewer'), error: _('errors'), warn: _('warnings'), info: _('what happens'), debug: _('details'), trace: _('everything')
	}[value] || value;
}

const TITLES = [
	[ 'node', () => _('Node'), () => _('This node and how it stands on its machine.') ],
	[ 'interface', () => _('Mesh devices'), () => _('One for each device that speaks with the mesh.') ],
	[ 'key', () => _('Keys'), () => _('What packets of the mesh are signed with.') ],
	[ 'announce', () => _('Announced networks'), () => _('Networks of this node that the mesh shall know.') ],
	[ 'filter', () => _('Filters'), () => _('What is taken from neighbours, told them, and taken from the kernel.') ],
	[ 'entitled', () => _('Who may announce'), () => _('Who announces a way outside, or something of others, and is not named here is an alert.') ],
	[ 'uplink', () => _('Ways outside'), () => _('One for each way to the outside.') ],
	[ 'queue', () => _('Slow links'), () => _('Shared fairly, and a call goes before downloads.') ],
	[ 'hotspot', () => _('Hotspot'), () => _('Where guests are let in. Without it this node serves none.') ],
	[ 'service', () => _('Free services'), () => _('Free for all, also when there is no way outside.') ],
	[ 'policy', () => _('School and clinic'), () => _('Who needs no coupon, and goes before downloads.') ],
	[ 'person', () => _('People'), () => _('Who uses this node, and what they may do.') ]
];

/* Sections whose names people read. */
const NAMED = [ 'interface', 'uplink' ];

function validator(kind, name) {
	const flag = rules.rule(kind, name)[1] == 'flag';
	return function(sid, given) {
		if (Array.isArray(given))
			return true;
		/* LuCI hands over what a checkbox would be worth, not whether it is checked. */
		const value = flag ? this.formvalue(sid) : given;
		const simple = rules.check(kind, name, value);
		if (simple !== true)
			return simple;
		const read = other => this.section.formvalue(sid, other);
		if (value == null || value === '')
			return kind == 'key' ? rules.together(kind, name, '', read, [], [], []) : true;
		const most = rules.rule(kind, name)[2].list;
		if (most && (this.formvalue(sid) || []).length > most[1])
			return _('At most %d of them.').format(most[1]);
		const unique = rules.sections[kind].unique, apart = rules.sections[kind].apart;
		const others = name == unique ? this.section.cfgsections()
			.filter(other => other != sid && (!apart || (this.section.formvalue(other, apart) || '') == (read(apart) || '')))
			.map(other => this.section.formvalue(other, name)) : [];
		const mesh = uci.sections('tequio', 'interface').map(section => section.device);
		return rules.together(kind, name, value, read, others, mesh, uci.sections('tequio', 'key'));
	};
}

function addOption(section, kind, option) {
	const name = option[0], value = option[1], missing = option[2], said = words(kind, name);
	const type = missing.list ? form.DynamicList : value == 'flag' ? form.Flag : value[0] == 'choice' ? form.ListValue : form.Value;
	const field = section.option(type, name, said[0], said[1]);
	if (value[0] == 'choice')
		value.slice(1).forEach(word => field.value(word, choiceWords(word)));
	if (value[0] == 'choice' && missing.is)
		field.default = missing.is;
	else if (missing.is && value != 'flag')
		field.placeholder = missing.is;
	else if (missing.follows)
		field.placeholder = rules.unless(missing.follows);
	field.rmempty = !(missing.required || (missing.list && missing.list[0] > 0));
	field.validate = validator(kind, name);
}

function addSection(map, entry) {
	const kind = entry[0], rule = rules.sections[kind];
	const section = map.section(form.TypedSection, kind, entry[1](), entry[2]());
	section.addremove = !rule.required;
	section.anonymous = NAMED.indexOf(kind) < 0;
	section.addbtntitle = _('Add');
	section.handleAdd = function(event, name) {
		if (this.cfgsections().length >= rule.most) {
			ui.addNotification(null, [ E('p', {}, [ N_(rule.most, 'There can be only one.', 'There can be at most %d.').format(rule.most) ]) ]);
			return Promise.resolve();
		}
		return form.TypedSection.prototype.handleAdd.call(this, event, name);
	};
	rule.options.forEach(option => addOption(section, kind, option));
}

/* The program reads a new configuration by itself; what it thinks of it, it says when it is asked. LuCI loads the page
   again after applying, so it is asked then. */
function opinion() {
	if (!sessionStorage.getItem(APPLIED))
		return Promise.resolve('');
	sessionStorage.removeItem(APPLIED);
	return node.ask('reload').then(reply => reply.trouble && reply.trouble.kind == 'refused' ?
		page.notice('bad', _('The program goes on with the old configuration:'), [ E('p', {}, [ reply.trouble.text ]) ]) : '');
}

return view.extend({
	load: function() {
		return Promise.all([ uci.load('tequio').then(() => null, error => String(error.message || error)), opinion() ]);
	},

	render: function(loaded) {
		const failure = loaded[0];
		if (failure) {
			this.handleSave = this.handleSaveApply = this.handleReset = null;
			return page.frame([ page.notice('bad', _('The configuration cannot be read.'), [ E('p', {}, [ failure ]) ]) ]);
		}
		if (!L.hasViewPermission())
			this.handleSave = this.handleSaveApply = this.handleReset = null;
		document.addEventListener('uci-applied', () => sessionStorage.setItem(APPLIED, 'yes'));
		const map = new form.Map('tequio', _('Settings'));
		map.tabbed = true;
		TITLES.forEach(entry => addSection(map, entry));
		const notices = [
			loaded[1],
			L.hasViewPermission() ? '' : page.notice('warn', _('Your login may look, not change. Whoever administers the node can.'))
		].filter(notice => notice);
		/* The form is LuCI's and looks as its theme wants. */
		return map.render().then(node => E('div', {}, [ notices.length ? page.frame(notices) : '', node ]));
	}
});
