'use strict';
'require baseclass';

/* Figures as people say them. Pure: no document, no calls. */

/* Largest units first; two of them are enough for anybody. */
function parts(seconds) {
	const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
	const minutes = Math.floor(seconds / 60) % 60, rest = Math.floor(seconds) % 60;
	if (days > 0)
		return [ N_(days, '%d day', '%d days').format(days), hours > 0 ? _('%d h').format(hours) : null ];
	if (hours > 0)
		return [ _('%d h').format(hours), minutes > 0 ? _('%d min').format(minutes) : null ];
	if (minutes > 0)
		return [ _('%d min').format(minutes), minutes < 5 && rest > 0 ? _('%d s').format(rest) : null ];
	return [ _('%d s').format(rest) ];
}

/* How sentences without a code begin. */
const OLD_ALERTS = [
	[ 'Neighbour ', 'neighbour' ],
	[ 'This node was not admitted to a community yet', 'no-member' ],
	[ 'Nothing was sold: this node cannot save', 'not-saved' ]
];

return baseclass.extend({
	duration: function(seconds) {
		return parts(Math.max(0, Number(seconds) || 0)).filter(part => part).join(' ');
	},

	bytes: function(octets) {
		let amount = Math.max(0, Number(octets) || 0), unit = 0;
		const units = [ 'B', 'kB', 'MB', 'GB', 'TB' ];
		while (amount >= 999.5 && unit < units.length - 1) {
			amount /= 1000;
			unit++;
		}
		const digits = unit > 0 && amount < 9.95 ? 1 : 0;
		return this.number(amount, digits) + ' ' + units[unit];
	},

	/* With a point, as in English and in the Spanish of Mexico and its neighbours. */
	number: function(value, digits) {
		return Number(value).toFixed(digits);
	},

	money: function(cents, minorUnits, currency) {
		const digits = Math.min(6, Math.max(0, Number(minorUnits) || 0));
		return (currency ? currency + ' ' : '') + this.number((Number(cents) || 0) / Math.pow(10, digits), digits);
	},

	/* A code in groups of four, whatever stands between them. */
	groups: function(code) {
		return (String(code).replace(/[^0-9A-Za-z]/g, '').toUpperCase().match(/.{1,4}/g) || []);
	},

	/* What a plan holds. */
	holds: function(plan) {
		const what = plan.used_s != null && plan.days != null ? N_(plan.days, '%s of use within %d day', '%s of use within %d days').format(this.duration(plan.used_s), plan.days) :
			plan.used_s != null ? _('%s of use').format(this.duration(plan.used_s)) :
			plan.days != null ? N_(plan.days, '%d day from the first use', '%d days from the first use').format(plan.days) : null;
		const data = plan.data_mb != null ? this.bytes(plan.data_mb * 1e6) : null;
		const devices = plan.devices > 1 ? N_(plan.devices, '%d device', '%d devices').format(plan.devices) : null;
		const hours = plan.hours ? String(plan.hours).split(' ')[0] : null;
		return [ what, data, devices, hours ].filter(part => part).join(', ');
	},

	/* The portal's page with the code filled in: one address for all nodes, that of whatever hotspot the phone is at. */
	address: function(code) {
		return 'http://192.0.2.1/?code=' + encodeURIComponent(this.groups(code).join('-'));
	},

	/* States of a voucher. */
	state: function(state) {
		switch (state) {
		case 'printed': return _('printed, not sold yet');
		case 'sold': return _('sold, not used yet');
		case 'activated': return _('in use');
		case 'spent': return _('used up');
		case 'revoked': return _('revoked');
		default: return String(state);
		}
	},

	clock: function(date) {
		return date.toLocaleTimeString(document.documentElement.lang || [], { hour: '2-digit', minute: '2-digit' });
	},

	/* The time of day, with the date if it was another day. */
	moment: function(date, now) {
		const day = { day: 'numeric', month: 'long' };
		return date.toDateString() == now.toDateString() ? this.clock(date) :
			this.clock(date) + ', ' + date.toLocaleDateString(document.documentElement.lang || [], day);
	},

	/* When something began that has lasted so long: a clock of today, a day of this week, else a date. */
	since: function(seconds, now) {
		const began = new Date(now.getTime() - (Number(seconds) || 0) * 1000), language = document.documentElement.lang || [];
		if (began.toDateString() == now.toDateString())
			return this.clock(began);
		return now - began < 6 * 86400000 ? began.toLocaleDateString(language, { weekday: 'long' }) :
			began.toLocaleDateString(language, { day: 'numeric', month: 'long' });
	},

	/* How far it is to the outside, as far as the node knows. */
	way: function(uplink) {
		return [
			uplink.hops != null && uplink.hops > 0 ? N_(uplink.hops, '%d hop', '%d hops').format(uplink.hops) : null,
			uplink.delay_ms != null ? _('%d ms').format(Math.round(uplink.delay_ms)) : null
		].filter(part => part);
	},

	/* How sure the node is of the time. */
	quality: function(quality, confirmed) {
		switch (quality) {
		case 'stale': return _('not set since the last start');
		case 'caretaker': return _('set by hand');
		case 'mesh': return confirmed === false ? _('from the neighbours, not confirmed') : _('from the neighbours');
		case 'trusted': return _('exact');
		default: return String(quality);
		}
	},

	/* How good a link is, in a word. Costs of cables begin at 96, those of radios at 256. */
	grade: function(cost, least) {
		if (cost == null)
			return 'bad';
		return cost <= least * 1.5 ? 'good' : cost <= least * 4 ? 'fair' : 'weak';
	},

	gradeWord: function(grade) {
		return { good: _('good'), fair: _('fair'), weak: _('weak'), bad: _('no connection') }[grade];
	},

	/* Why a neighbour is not used; unknown reasons are said as they came. */
	reason: function(reason) {
		switch (reason) {
		case null: case undefined: return '';
		case 'we do not hear its Hellos': return _('we do not hear it');
		case 'too many of its last Hellos were lost': return _('too much is lost on the way from it');
		case 'the radio says that nothing arrives there': return _('the radio says that nothing arrives there');
		case 'it has not said lately that it hears us': return _('it does not hear us');
		default: return String(reason);
		}
	},

	/* What a radio or probes know of the way to a neighbour, in a line. */
	linkWay: function(way) {
		const known = way && way.figures || {};
		const figure = (name, word) => known[name] == null ? [] : [ word.format(known[name]) ];
		return [].concat(
			way && !way.alive ? [ way.since_s == null ? _('dead') : _('dead for %s').format(this.duration(way.since_s)) ] : [],
			figure('quality_percent', _('quality %d %%')),
			figure('signal_dbm', _('signal %d dBm')),
			figure('far_signal_dbm', _('%d dBm at the other end')),
			figure('snr_db', _('%d dB above the noise')),
			known.throughput_kbit == null ? [] : [ _('%s Mbit/s expected').format(this.number(known.throughput_kbit / 1000, 1)) ],
			figure('retries_percent', _('%d %% sent again')),
			figure('lost_percent', _('%d %% lost')),
			figure('busy_percent', _('channel busy for %d %%'))
		).join(' · ');
	},

	/* An alert as {code, message}. A program that is older than this page tells sentences alone. */
	told: function(alert) {
		if (alert != null && typeof(alert) == 'object')
			return { code: alert.code, message: String(alert.message || alert.code || '?'), about: alert.about || {} };
		const text = String(alert);
		const old = OLD_ALERTS.find(known => text.indexOf(known[0]) == 0);
		return { code: old ? old[1] : null, message: text, about: {} };
	},

	/* What needs looking at, in the reader's language where we know the code. The rest is said as it came. */
	alert: function(alert, deviceName) {
		const neighbour = alert.code == 'neighbour' ? /^Neighbour (\S+) on (\S+): (.*)\.$/.exec(alert.message) : null;
		if (neighbour)
			return _('Trouble with the neighbour on %s: %s.').format(deviceName(neighbour[2]), this.reason(neighbour[3]));
		const about = alert.about || {};
		if (alert.code == 'not-entitled' && about.prefix)
			return _('The router %s announces %s, and may not.').format(about.router_id, about.prefix);
		if (alert.code == 'uplink-shut' && about.why == 'used-up')
			return _('The way outside through %s has carried what it may this month.').format(deviceName(about.device));
		if (alert.code == 'uplink-shut' && about.why == 'no-clock')
			return _('The way outside through %s has its hours, and nobody has set the clock yet.').format(deviceName(about.device));
		switch (alert.code) {
		case 'no-member': return _('This node has not been admitted to a community yet: no voucher works here.');
		case 'expelled': return _('This node was expelled from the community: it sells nothing and lets nobody in.');
		case 'number-taken': return _('Another node has the number or the addresses of this one: it must be admitted again.');
		case 'secrets-known': return _('Somebody who was expelled knows the secrets of the community: nothing can be sold until they are changed.');
		case 'no-share': return _('This node has no share of the secrets of the community: the others do not hear it. An officer must admit it again.');
		case 'unsigned': return _('A neighbour does not sign with the secrets of the community: %s').format(alert.message);
		case 'not-saved': return _('This node cannot save: nothing can be sold. Internet and sessions go on. Tell an operator.');
		case 'no-net-admin': return _('The program may not change the network here: no routes, no guests. Tell an operator.');
		case 'no-net-raw': return _('The program may not send pings here: ways outside are judged in other ways. Tell an operator.');
		case 'no-ipv6': return _('IPv6 is switched off here: the mesh does not work. Tell an operator.');
		case 'no-queue': return _('This node does not share its thin link fairly: a module of the kernel is missing. Tell an operator.');
		case 'no-distance': return _('A radio cannot be told how far the other end is, or does not keep to it: %s').format(alert.message);
		case 'open-radio': return _('A radio link of the mesh is not encrypted: everybody nearby can read it and join. Tell an operator.');
		case 'no-country': return _('A radio has no country set: it sends with little power and on few channels. Tell an operator.');
		case 'radar-wait': return _('The radio %s listens for radars on %s MHz before it may speak: the link comes in a minute, near weather radars in ten.').format(deviceName(about.device), about.by);
		case 'radar': return _('The radio %s heard a radar on %s MHz and may not use that channel for half an hour. If this happens again, choose another channel.').format(deviceName(about.device), about.by);
		case 'radio-stuck': return _('Nothing is heard on the radio %s, and waking it did not help (%s times today): look at the power of the other end, then at the antennas.').format(deviceName(about.device), about.by);
		case 'no-streams': return _('The accounts are not shared with the neighbours: codes sold elsewhere do not work here. Tell an operator.');
		case 'no-subtrees': return _('This kernel has no routes by source: they are passed on and not used here. Tell an operator.');
		case 'link-dead': return _('The link on %s is dead for %s minutes: look at the power of the other end, then at the antennas.').format(deviceName(about.device), about.by);
		case 'link-plan': return _('The link on %s hears %s dB less than was planned, since %s: has the dish moved?').format(deviceName(about.device), about.by, this.since(about.since_s, new Date()));
		case 'link-weak': return _('The link on %s hears %s dB less than in the week before: has the antenna moved, is water in a cable, or has a tree grown into the way?').format(deviceName(about.device), about.by);
		case 'link-chain': return _('The link on %s hears %s dB less with one of its antennas than with the other: look at its cable.').format(deviceName(about.device), about.by);
		case 'link-distance': return _('The link on %s sends %s %% of its frames again though the signal is as ever: the distance setting may be too short.').format(deviceName(about.device), about.by);
		case 'link-noise': return _('The link on %s sends %s %% of its frames again, and somebody else is on the channel: change it.').format(deviceName(about.device), about.by);
		case 'link-slow': return _('The link on %s carries %s %% of what it did in the week before.').format(deviceName(about.device), about.by);
		case 'link-weather': return _('The link on %s hears %s dB more at some hours of a day than at others: it needs more margin.').format(deviceName(about.device), about.by);
		case 'link-lossy': return _('The link on %s loses %s %% of what is sent, more than in the week before: look at the radio behind the cable, and at its dish.').format(deviceName(about.device), about.by);
		case 'link-late': return _('The link on %s takes %s ms longer there and back than in the week before: somebody fills it, or its radio sends again and again.').format(deviceName(about.device), about.by);
		case 'guests-complain': return _('Guests say that there is no internet here (%s).').format(about.count);
		case 'flow-offload': return _('Flow offloading is switched on: phones go past the hotspot, and vouchers are neither counted nor ended. Tell an operator.');
		case 'hotspot-down': return _('The hotspot does not work: nobody can use a voucher here. The node keeps trying. Tell an operator.');
		case 'config-newer': return _('The configuration is of a newer version of the program: only the mesh works. Tell an operator.');
		case 'config-wrong': return _('A new configuration has a mistake, the one before goes on: %s').format(alert.message);
		case 'run-folder': return _('The run folder cannot be written: after a restart sessions are forgotten. Tell an operator.');
		case 'journal-damaged': return _('A part of the accounts could not be read after the start. The neighbours give it back. If this comes again, the flash is worn out: tell an operator.');
		case 'journal-newer': return _('The journal is of a newer version of the program: nothing can be sold. The mesh goes on. Tell an operator.');
		case 'ledger-unreadable': return _('The accounts cannot be read: nothing can be sold. The mesh goes on. Tell an operator.');
		case 'not-entitled': return _('A router announces what it may not: %s').format(alert.message);
		case 'clock-disputed': return _('Two clocks do not agree. Days of vouchers go by the one of before until somebody sets the clock.');
		case 'used-twice': return _('A voucher of this node gave more than it holds: %s').format(alert.message);
		case 'branched': return _('The records of %s say two things: an old backup was put back there, or two boxes have its key. If nobody put a backup back, an officer must expel it.').format(about.member);
		case 'flood': return _('The member %s writes more than anybody can: the rest of it waits. If its box was stolen, an officer must expel it.').format(about.member);
		case 'lot-missing': return _('A coupon of %s was refused here: look there whether that node can save and share its records.').format(about.member);
		case 'new-root': return _('The community has a new root: somebody must accept it at this node, with the fingerprint that its keepers read out.');
		case 'uplink-shut': return _('A way outside is used up for this month, or nobody has set the clock: %s').format(alert.message);
		default: return alert.message;
		}
	}
});
