'use strict';
'require baseclass';

/*
 * What the configuration may hold: the table of docs/config.md, and the same checks that the program makes when it reads
 * the file. Pure. A test holds the table to the document; change both together.
 *
 * An option: [name, value, default]. A value: a kind, or [kind, bounds...]. A default: REQUIRED, {is: text},
 * {follows: words}, {list: [least, most]}. What is unique may stand twice where the option `apart` differs.
 */

const REQUIRED = { required: true };
const is = text => ({ is: text });
const follows = words => ({ follows: words });
const list = (least, most) => ({ list: [ least, most ] });
const number = (least, most) => [ 'number', least, most ];
const choice = function() { return [ 'choice' ].concat(Array.prototype.slice.call(arguments)); };

const SECTIONS = {
	node: { most: 1, required: true, unique: null, options: [
		[ 'name', 'nodename', REQUIRED ],
		[ 'state_dir', 'path', is('/etc/tequio') ],
		[ 'run_dir', 'path', is('/var/run/tequio') ],
		[ 'hosts', 'path', is('/tmp/hosts/tequio') ],
		[ 'ubus_socket', 'path', is('/var/run/ubus/ubus.sock') ],
		[ 'ubus_babeld', 'flag', is('0') ],
		[ 'route_table', number(1, 4294967295), is('254') ],
		[ 'route_priority', number(1, 4294967295), is('1042') ],
		[ 'stale_routes_s', number(5, 3600), is('60') ],
		[ 'outside', 'address', list(0, 2) ],
		[ 'address_plan', 'prefix', list(0, 16) ],
		[ 'log_level', choice('error', 'warn', 'info', 'debug', 'trace'), is('info') ]
	] },
	interface: { most: 32, required: false, unique: 'device', options: [
		[ 'device', 'device', REQUIRED ],
		[ 'kind', choice('wired', 'wireless', 'tunnel', 'bridge'), REQUIRED ],
		[ 'hello_interval_ms', number(100, 600000), is('1000') ],
		[ 'update_interval_ms', number(400, 655000), follows('4 x hello_interval_ms') ],
		[ 'rxcost', number(1, 65534), follows('96 wired and tunnel, 256 wireless and bridge') ],
		[ 'distance_m', number(1, 114750), follows('nothing is set') ],
		[ 'split_horizon', 'flag', is('0') ],
		[ 'auth', choice('community', 'off', 'sign', 'strict'), is('community') ],
		[ 'key', 'nodename', list(0, 8) ],
		[ 'radio', 'device', follows('none') ],
		[ 'v4_via_v6', 'flag', is('1') ],
		[ 'hop_cost', number(0, 10000), is('64') ],
		[ 'airtime_cost', number(0, 65534), is('1920') ],
		[ 'throughput_kbit', number(1, 10000000), follows('measured') ],
		[ 'planned_kbit', number(1, 10000000), follows('the best that was seen') ],
		[ 'planned_signal_dbm', 'level', follows('none') ],
		[ 'change', choice('channel', 'width', 'power', 'distance', 'key', 'ssid'), list(0, 6) ],
		[ 'dead_man_s', number(45, 3600), is('180') ],
		[ 'control_file', 'path', follows('netifd is asked') ],
		[ 'recover_per_day', number(0, 24), is('0') ]
	] },
	key: { most: 16, required: false, unique: 'name', options: [
		[ 'name', 'nodename', REQUIRED ],
		[ 'algorithm', choice('hmac-sha256', 'blake2s128'), REQUIRED ],
		[ 'use', choice('sign', 'verify'), is('sign') ],
		[ 'value', 'secret', follows('what \x60file\x60 holds') ],
		[ 'file', 'path', follows('none; \x60value\x60 is given') ]
	] },
	announce: { most: 64, required: false, unique: 'prefix', apart: 'source', options: [
		[ 'prefix', 'prefix', REQUIRED ],
		[ 'source', 'prefix', follows('everywhere') ],
		[ 'metric', number(0, 65534), is('0') ]
	] },
	filter: { most: 64, required: false, unique: null, options: [
		[ 'direction', choice('in', 'out', 'redistribute'), REQUIRED ],
		[ 'prefix', 'prefix', follows('every one') ],
		[ 'ge', number(0, 128), follows('the length of prefix') ],
		[ 'le', number(0, 128), follows('ge alone: the longest; else the length of prefix') ],
		[ 'source', 'prefix', follows('with and without a source') ],
		[ 'device', 'device', follows('every one') ],
		[ 'protocol', number(0, 255), follows('every one') ],
		[ 'table', number(1, 4294967295), follows('every one that is read') ],
		[ 'action', choice('allow', 'deny'), REQUIRED ],
		[ 'metric', number(0, 65534), is('0') ]
	] },
	entitled: { most: 32, required: false, unique: null, options: [
		[ 'prefix', 'prefix', list(1, 8) ],
		[ 'router_id', 'routerid', list(0, 8) ]
	] },
	uplink: { most: 8, required: false, unique: 'device', options: [
		[ 'device', 'device', REQUIRED ],
		[ 'metric', number(0, 65534), is('0') ],
		[ 'ping', 'address', list(0, 4) ],
		[ 'dns', 'address', list(0, 4) ],
		[ 'http', 'url', list(0, 4) ],
		[ 'probe_interval_s', number(1, 3600), is('5') ],
		[ 'month_mb', number(1, 100000000), follows('no end') ],
		[ 'hours', 'hours', list(0, 4) ],
		[ 'source', 'prefix', list(0, 8) ]
	] },
	queue: { most: 8, required: false, unique: 'device', options: [
		[ 'device', 'device', REQUIRED ],
		[ 'download_kbit', number(64, 10000000), follows('0.9 of its radio link, else no queue') ],
		[ 'upload_kbit', number(64, 10000000), follows('0.9 of its radio link, else no queue') ]
	] },
	hotspot: { most: 1, required: false, unique: null, options: [
		[ 'device', 'device', REQUIRED ],
		[ 'address', 'ipv4', REQUIRED ],
		[ 'prefix', 'prefix4', REQUIRED ],
		[ 'prefix6', 'prefix6', list(0, 8) ],
		[ 'portal_port', number(1, 65535), is('2080') ],
		[ 'portal_host', 'host', is('192.0.2.1') ],
		[ 'lease_s', number(60, 900), is('900') ],
		[ 'usage_interval_s', number(1, 300), is('10') ],
		[ 'language', 'text', follows('the charter\'s first') ],
		[ 'words', 'path', is('/usr/share/tequio/portal') ],
		[ 'infrastructure', 'prefix', list(0, 64) ],
		[ 'night', 'hours', list(0, 4) ],
		[ 'call', 'text', list(0, 4) ]
	] },
	service: { most: 32, required: false, unique: 'url', options: [
		[ 'name', 'text', REQUIRED ],
		[ 'url', 'url', REQUIRED ],
		[ 'prefix', 'prefix', list(1, 16) ]
	] },
	policy: { most: 16, required: false, unique: 'name', options: [
		[ 'name', 'text', REQUIRED ],
		[ 'mac', 'mac', list(0, 64) ],
		[ 'device', 'device', list(0, 4) ],
		[ 'hours', 'hours', list(0, 4) ],
		[ 'download_kbit', number(64, 10000000), follows('no limit') ],
		[ 'upload_kbit', number(64, 10000000), follows('no limit') ]
	] },
	person: { most: 64, required: false, unique: 'login', options: [
		[ 'login', 'login', REQUIRED ],
		[ 'name', 'text', REQUIRED ],
		[ 'role', choice('admin', 'caretaker', 'viewer'), REQUIRED ]
	] }
};

/* Four octets, or null. No octet with a 0 before it: some read that as octal. */
function ipv4(text) {
	const parts = text.split('.');
	if (parts.length != 4 || !parts.every(part => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255))
		return null;
	return parts.map(Number);
}

/* Sixteen octets, or null. */
function ipv6(text) {
	let tail = [];
	const dotted = /^(.*:)([0-9.]+)$/.exec(text);
	if (dotted && dotted[2].indexOf('.') > 0) {
		const octets = ipv4(dotted[2]);
		if (!octets)
			return null;
		text = dotted[1] + (octets[0] * 256 + octets[1]).toString(16) + ':' + (octets[2] * 256 + octets[3]).toString(16);
	}
	const halves = text.split('::');
	if (halves.length > 2)
		return null;
	const groups = half => half == '' ? [] : half.split(':');
	const head = groups(halves[0]);
	if (halves.length == 2)
		tail = groups(halves[1]);
	const missing = 8 - head.length - tail.length;
	if (halves.length == 2 ? missing < 1 : missing != 0)
		return null;
	const all = head.concat(new Array(Math.max(0, missing)).fill('0'), tail);
	if (!all.every(group => /^[0-9a-fA-F]{1,4}$/.test(group)))
		return null;
	return all.reduce((octets, group) => octets.concat([ parseInt(group, 16) >>> 8, parseInt(group, 16) & 255 ]), []);
}

/* {octets, length} of a prefix without a bit past its length, or null. A bare address is a prefix of one machine. */
function prefix(text) {
	const cut = text.indexOf('/'), address = cut < 0 ? text : text.slice(0, cut);
	const octets = ipv4(address) || ipv6(address);
	if (!octets)
		return null;
	const bits = octets.length * 8, length = cut < 0 ? String(bits) : text.slice(cut + 1);
	if (!/^[0-9]{1,3}$/.test(length) || Number(length) > bits)
		return null;
	const beyond = octets.some((octet, i) => {
		const kept = Math.min(8, Math.max(0, Number(length) - i * 8));
		return (octet & (255 >>> kept)) != 0;
	});
	return beyond ? null : { octets: octets, length: Number(length) };
}

function visible(text, most, without) {
	return text.length <= most && /^[!-~]+$/.test(text) && !without.test(text);
}

/* Like the daemon's `char::is_control`. */
function hasControl(text) {
	return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

const KINDS = {
	number: (text, least, most) => /^[0-9]{1,19}$/.test(text) && Number(text) >= least && Number(text) <= most,
	level: text => /^-[0-9]{1,19}$/.test(text) && Number(text) >= -110 && Number(text) <= -1,
	flag: text => /^(1|on|true|yes|enabled|0|off|false|no|disabled)$/.test(text),
	choice: function(text) { return Array.prototype.indexOf.call(arguments, text, 1) >= 1; },
	nodename: text => /^[a-z0-9-]{1,32}$/.test(text) && !/^-|-$/.test(text),
	login: text => /^[a-z][a-z0-9_.-]{0,31}$/.test(text),
	text: text => Array.from(text).length <= 64 && !hasControl(text),
	secret: text => text.length % 2 == 0 && text.length <= 256 && /^[0-9a-fA-F]+$/.test(text),
	path: text => text.charAt(0) == '/' && new TextEncoder().encode(text).length <= 100 && !hasControl(text),
	device: text => text != '.' && text != '..' && visible(text, 15, /[\/:"'\\]/),
	ipv4: text => {
		const octets = ipv4(text);
		return octets != null && octets.join('.') != '0.0.0.0' && octets.join('.') != '255.255.255.255' &&
			!(octets[0] >= 224 && octets[0] <= 239);
	},
	address: text => {
		const octets = ipv4(text) || ipv6(text);
		if (octets == null || !octets.some(octet => octet != 0))
			return false;
		return octets.length == 16 ? octets[0] != 255 : !(octets[0] >= 224 && octets[0] <= 239) && octets.join('.') != '255.255.255.255';
	},
	prefix4: text => {
		const found = prefix(text);
		return found != null && found.octets.length == 4 && found.length >= 8 && found.length <= 30;
	},
	prefix6: text => {
		const found = prefix(text);
		return found != null && found.octets.length == 16 && found.length >= 1 && found.length <= 64;
	},
	prefix: text => prefix(text) != null,
	routerid: text => /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){7}$/.test(text) && !/^((00:?)+|([fF]{2}:?)+)$/.test(text),
	hours: text => {
		const found = /^((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9]) UTC(?:([+-])([01][0-9]):([0-5][0-9]))?$/.exec(text);
		return found != null && found[1] != found[2] && Number(found[4] || 0) * 60 + Number(found[5] || 0) <= (found[3] == '-' ? 720 : 840);
	},
	mac: text => /^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/.test(text) && !/^(00:?)+$/.test(text),
	host: text => text.length <= 253 && text.split('.').every(label => /^[A-Za-z0-9-]{1,63}$/.test(label) && !/^-|-$/.test(label)),
	url: text => /^https?:\/\//.test(text) && visible(text, 200, /["'<>\x60\\]/)
};

/* Whether a page is at a machine whose address is given: no name is looked up for a probe. */
function isAtAddress(url) {
	const found = /^http:\/\/(\[([^\]]*)\]|[^\/:\[\]]*)(:([0-9]{1,5}))?(\/|$)/.exec(url);
	return found != null && (found[2] != null ? ipv6(found[2]) : ipv4(found[1])) != null && Number(found[4] || 80) <= 65535;
}

function isFour(text) {
	return ipv4(String(text || '').split('/')[0]) != null;
}

/* A key is given here or in a file, and is as long as its algorithm wants. */
function secretTogether(name, text, read, others) {
	const bounds = { 'hmac-sha256': [ 32, 64 ], 'blake2s128': [ 16, 32 ] }[read('algorithm')];
	if (name == 'name' && others.some(other => other == text))
		return _('Another section has this already.');
	if (name == 'value' && !text && !read('file'))
		return _('Give the key here, or the file that holds it.');
	if (name == 'value' && text && bounds && (text.length < 2 * bounds[0] || text.length > 2 * bounds[1]))
		return _('A key for %s has %d to %d octets, two hex digits each.').format(read('algorithm'), bounds[0], bounds[1]);
	if (name == 'file' && text && read('value'))
		return _('The key is given above too; only one of them can be right.');
	return true;
}

/* A filter that can never fit, or says what its direction has no use for, is refused. */
function filterTogether(name, text, read) {
	const own = prefix(String(read('prefix') || ''));
	if (name == 'metric' && read('action') == 'deny')
		return _('What is denied has no metric.');
	if ((name == 'protocol' || name == 'table') && read('direction') != 'redistribute')
		return _('Only for what is taken from the kernel.');
	if (name == 'protocol' && Number(text) == 42)
		return _('42 is the mesh itself: what came from it does not start in it again.');
	if (name == 'source' && own && isFour(text) != (own.octets.length == 4))
		return _('Another family than the prefix.');
	if ((name == 'ge' || name == 'le') && !own)
		return _('Needs a prefix.');
	if (name == 'ge' || name == 'le') {
		const most = own.octets.length * 8, least = name == 'ge' ? own.length : Number(read('ge') || own.length);
		if (Number(text) < least || Number(text) > most)
			return _('Expected: %s').format(_('a whole number from %d to %d').format(least, most));
	}
	return true;
}

/* Inside, neither the first nor the last address. */
function isHost(address, range) {
	const value = octets => octets.reduce((sum, octet) => sum * 256 + octet, 0);
	const size = Math.pow(2, 32 - range.length), host = value(address) - value(range.octets);
	return host > 0 && host < size - 1;
}

/* What was expected. */
function expected(value) {
	const kind = Array.isArray(value) ? value[0] : value;
	switch (kind) {
	case 'number': return _('a whole number from %d to %d').format(value[1], value[2]);
	case 'level': return _('a whole number from %d to %d').format(-110, -1);
	case 'flag': return _('1 or 0');
	case 'choice': return _('one of %s').format(value.slice(1).join(', '));
	case 'nodename': return _('1 to 32 of a-z, 0-9 and -, with no - at either end');
	case 'login': return _('1 to 32 of a-z, 0-9, _, . and -, first a letter');
	case 'text': return _('1 to 64 characters on one line');
	case 'secret': return _('a key as an even number of hex digits, at most 256');
	case 'path': return _('an absolute path of at most 100 bytes');
	case 'device': return _('the name of a network device, 1 to 15 characters');
	case 'ipv4': return _('an IPv4 address, like 10.77.4.1');
	case 'address': return _('an IP address, like 192.0.2.1 or 2001:db8::1');
	case 'prefix4': return _('an IPv4 prefix of 8 to 30 bits, like 10.77.4.0/22');
	case 'prefix6': return _('an IPv6 prefix of 1 to 64 bits, like fd00:77:4::/64');
	case 'prefix': return _('a prefix, like 10.77.4.0/22 or fd00:77::/48');
	case 'routerid': return _('a router-id, like 02:00:5e:00:53:00:00:01');
	case 'hours': return _('hours in a zone, like 22:00-06:00 UTC-06:00');
	case 'mac': return _('a MAC address, like 02:00:5e:00:53:01');
	case 'host': return _('a host name or an IPv4 address');
	case 'url': return _('a URL of at most 200 characters, http:// or https://');
	}
}

/* What holds when an option is not given and follows from something else, for the reader. */
function unless(words) {
	switch (words) {
	case '4 x hello_interval_ms': return _('4 times the sign of life');
	case '96 wired and tunnel, 256 wireless and bridge': return _('cable and tunnel 96, radio 256');
	case 'the charter\'s first': return _('the first of the community');
	case 'everywhere': return _('everywhere');
	case 'no end': return _('no end');
	case 'nothing is set': return _('nothing is set');
	case 'netifd is asked': return _('netifd is asked');
	case '0.9 of its radio link, else no queue': return _('0.9 of what its radio link carries, else no queue');
	case 'no limit': return _('no limit');
	case 'none': case 'nothing is set': return _('none');
	case 'measured': return _('it is measured');
	case 'the best that was seen': return _('the best that was seen');
	case 'every one': return _('every one');
	case 'every one that is read': return _('every one');
	case 'the length of prefix': return _('the length of the prefix');
	case 'ge alone: the longest; else the length of prefix': return _('the length of the prefix; the longest if the least is given');
	case 'with and without a source': return _('with and without');
	case 'what \x60file\x60 holds': return _('what the file holds');
	case 'none; \x60value\x60 is given': return _('none; the key is given');
	}
}

return baseclass.extend({
	sections: SECTIONS,

	unless: unless,

	rule: function(section, name) {
		return SECTIONS[section].options.find(option => option[0] == name);
	},

	expected: expected,

	/* Whether a text is such a value. Empty is never one: it means that the option is not given. */
	allows: function(value, text) {
		const kind = Array.isArray(value) ? value[0] : value, bounds = Array.isArray(value) ? value.slice(1) : [];
		return text !== '' && KINDS[kind].apply(null, [ text ].concat(bounds)) === true;
	},

	/* true, or the sentence that the page shows. */
	check: function(section, name, text) {
		const rule = this.rule(section, name);
		if (text == null || text === '')
			return rule[2].required ? _('Expected: %s').format(expected(rule[1])) : true;
		return this.allows(rule[1], String(text)) || _('Expected: %s').format(expected(rule[1]));
	},

	/* What no table can say. read(name) gives another option of the same section; others are the values of this option in the
	   sections of its kind that are not apart; mesh are the devices of the mesh, keys its keys {name, use}. true, or a
	   sentence. */
	together: function(section, name, text, read, others, mesh, keys) {
		const unique = SECTIONS[section].unique;
		if (section == 'key')
			return secretTogether(name, text, read, others);
		if (section == 'filter')
			return filterTogether(name, text, read);
		if (section == 'announce' && name == 'source' && isFour(text) != isFour(read('prefix')))
			return _('Another family than the prefix.');
		if (section == 'uplink' && name == 'http' && !isAtAddress(text))
			return _('Expected a page at an address, and not at a name.');
		if (section == 'node' && name == 'outside' && (read('outside') || []).filter(other => isFour(other) == isFour(text)).length > 1)
			return _('One address of each family is enough.');
		if (section == 'interface' && name == 'key' && !keys.some(key => key.name == text))
			return _('There is no key of this name: save it first.');
		if (section == 'interface' && name == 'key' && read('key').filter(key => key == text).length > 1)
			return _('This key is listed twice.');
		/* Without any key here those of the community sign. */
		if (section == 'interface' && name == 'auth' && (text == 'sign' || text == 'strict') && (read('key') || []).length &&
			!keys.some(key => key.use != 'verify' && (read('key') || []).indexOf(key.name) >= 0))
			return _('Needs a key that signs.');
		if (name == unique && others.some(other => other == text))
			return _('Another section has this already.');
		if (section == 'interface' && name == 'distance_m' && read('kind') != 'wireless')
			return _('Only a radio waits for an answer.');
		if (section == 'interface' && name == 'control_file' && read('kind') != 'wireless')
			return _('Only a radio has hostapd or wpa_supplicant.');
		if (section == 'interface' && name == 'split_horizon' && /^(1|on|true|yes|enabled)$/.test(text) && (read('kind') == 'wireless' || read('kind') == 'bridge'))
			return _('Only right on a cable, where everybody hears everybody.');
		if (section == 'hotspot' && name == 'device' && mesh.indexOf(text) >= 0)
			return _('This device also speaks with the mesh; guests and mesh cannot share one.');
		if (section == 'hotspot' && name == 'address') {
			const address = ipv4(text), range = prefix(String(read('prefix') || ''));
			if (address && range && range.octets.length == 4 && !isHost(address, range))
				return _('This is not the address of a machine in %s.').format(read('prefix'));
		}
		if (section == 'hotspot' && name == 'usage_interval_s') {
			const lease = Number(read('lease_s') || 900);
			if (Number(text) > Math.floor(lease / 3))
				return _('At most a third of the lease: %d.').format(Math.floor(lease / 3));
		}
		return true;
	}
});
