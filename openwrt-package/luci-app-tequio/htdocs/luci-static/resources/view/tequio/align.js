'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.tone as tone';

/* For a phone that is held at the dish: what is heard now, large, and the most so far. It works before the node is
   admitted, with what this end hears alone; afterwards the other end tells what it hears. */

/* Asked again so long after an answer; the node looks five times a second. */
const AGAIN_MS = 250;

/* From -95 to -35 dBm. */
function share(dbm) {
	return Math.max(0, Math.min(100, Math.round((dbm + 95) / 60 * 100)));
}

/* In words, and how good it is. */
function judge(figures, planned) {
	const signal = figures.signal_dbm;
	if (signal == null)
		return [ 'bad', _('It is not heard any more: turn back.') ];
	const target = planned == null ? figures.best_dbm : planned, lacks = target - signal;
	if (planned == null && lacks <= 1)
		return [ 'good', _('The most so far.') ];
	if (lacks <= 1)
		return [ 'good', _('As planned: tighten the screws.') ];
	return [ lacks <= 6 ? 'weak' : 'bad', (planned == null ? _('%d dB less than the best so far') : _('%d dB less than planned')).format(lacks) ];
}

function bar(figures, planned) {
	const mark = (dbm, kind) => dbm == null ? '' : E('i', { 'class': 'tq-aim-' + kind, 'style': 'left:' + share(dbm) + '%' });
	return E('div', { 'class': 'tq-aim-bar', 'role': 'img', 'aria-label': _('Signal') }, [
		E('span', { 'style': 'width:' + (figures.signal_dbm == null ? 0 : share(figures.signal_dbm)) + '%' }),
		mark(figures.best_dbm, 'best'), mark(planned, 'plan')
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ node.ask('links'), node.configuration() ]);
	},

	render: function(loaded) {
		const links = loaded[0].trouble ? [] : loaded[0].data.links.filter(link => link.kind == 'wireless');
		this.place = E('div', { 'class': 'tq-place', 'aria-live': 'off' });
		this.on = this.loud = false;
		this.farBest = null;
		this.chosen = E('select', { 'class': 'tq-input', 'id': 'tq-aim-device' }, links.map(link => E('option', { 'value': link.device }, [ node.deviceName(link.device) ])));
		this.button = E('button', { 'class': 'tq-button tq-main', 'data-aim': '', 'click': () => this.on ? this.stop() : this.start() }, [ _('Start') ]);
		this.speaker = E('button', { 'class': 'tq-button', 'data-tone': '', 'aria-pressed': 'false', 'click': () => this.sound(!this.loud) }, [ _('Tone') ]);
		this.root = page.frame([
			E('p', { 'class': 'tq-lead' }, [ _('Turn the dish slowly, first sideways, then up and down.') ]),
			links.length ? E('section', { 'class': 'tq-card tq-aim' }, [
				links.length > 1 ? E('p', { 'class': 'tq-field' }, [ E('label', { 'for': 'tq-aim-device' }, [ _('Radio') ]), this.chosen ]) : '',
				this.place,
				E('div', { 'class': 'tq-actions' }, [ this.button, this.speaker ])
			]) : page.notice('warn', _('The mesh speaks on no radio of this node.'))
		]);
		page.tell(this.root, loaded[0].trouble || null);
		return this.root;
	},

	/* Only a touch lets a browser make a sound, so it begins with one. */
	start: function() {
		this.on = true;
		this.farBest = null;
		this.sound(true);
		this.button.textContent = _('Stop');
		this.look('start');
	},

	stop: function() {
		this.rest();
		return node.ask('link_align', this.chosen.value, 'stop');
	},

	rest: function() {
		this.on = false;
		this.sound(false);
		this.button.textContent = _('Start');
	},

	sound: function(loud) {
		this.loud = loud && this.on;
		this.speaker.setAttribute('aria-pressed', String(this.loud));
		if (!this.loud)
			tone.stop();
		else
			tone.start();
	},

	look: function(action) {
		return node.ask('link_align', this.chosen.value, action).then(reply => {
			page.tell(this.root, reply.trouble || null);
			if (!this.on)
				return;
			/* Who left the page turns no dish. */
			if (!this.root.isConnected)
				return this.stop();
			if (reply.trouble && reply.trouble.kind == 'refused')
				return this.rest();
			if (!reply.trouble && reply.data.left_s == null) {
				this.rest();
				dom.content(this.place, page.notice('wait', _('It has ended by itself after a quarter of an hour. Start again if you go on.')));
				return;
			}
			if (reply.trouble)
				tone.say(null);
			else
				this.draw(reply.data);
			setTimeout(() => this.on && this.look('read'), AGAIN_MS);
		});
	},

	draw: function(data) {
		const station = data.stations[0], planned = data.planned.signal_dbm;
		if (!station) {
			tone.say(null);
			dom.content(this.place, [
				E('p', { 'class': 'tq-aim-now', 'data-grade': 'bad' }, [ '–' ]),
				E('p', { 'class': 'tq-aim-word' }, [ _('Nobody is heard yet. Turn on; if nobody ever is, look at channel, power and passphrase of both ends.') ])
			]);
			return;
		}
		const figures = station.figures, said = judge(figures, planned), target = planned == null ? figures.best_dbm : planned;
		const dbm = value => format.number(value, 0) + ' dBm';
		if (figures.far_signal_dbm != null)
			this.farBest = this.farBest == null ? figures.far_signal_dbm : Math.max(this.farBest, figures.far_signal_dbm);
		tone.say(figures.signal_dbm == null ? null : target - figures.signal_dbm);
		dom.content(this.place, [
			E('p', { 'class': 'tq-aim-now', 'data-grade': said[0] }, [ figures.signal_dbm == null ? '–' : String(figures.signal_dbm), E('small', {}, [ ' dBm' ]) ]),
			bar(figures, planned),
			E('p', { 'class': 'tq-aim-word', 'data-grade': said[0] }, [ said[1] ]),
			page.facts([
				station.name ? [ _('Heard, not connected yet'), station.name ] : null,
				figures.best_dbm == null ? null : [ _('Best so far'), dbm(figures.best_dbm) ],
				planned == null ? null : [ _('Planned'), dbm(planned) ],
				figures.chain2_dbm == null ? null : [ _('Each antenna'), figures.chain1_dbm + ' · ' + dbm(figures.chain2_dbm) ],
				[ _('The other end hears'), figures.far_signal_dbm == null ? _('not told: it must be admitted too') :
					figures.far_age_s > 5 ? _('%s, %s ago').format(dbm(figures.far_signal_dbm), format.duration(figures.far_age_s)) : dbm(figures.far_signal_dbm) ],
				this.farBest == null ? null : [ _('Its best so far'), dbm(this.farBest) ],
				data.stations.length > 1 ? [ _('Heard besides'), String(data.stations.length - 1) ] : null
			]),
			E('p', { 'class': 'tq-hint' }, [ _('Ends by itself in %s.').format(format.duration(Math.ceil(data.left_s / 60) * 60)) ])
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
