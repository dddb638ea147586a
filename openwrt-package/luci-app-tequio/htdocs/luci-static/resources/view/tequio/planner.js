'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';

/* Whether a dish on this hill reaches the one over there, before anybody climbs. The node reckons, and of its radios asks only the country; what
   was planned can be kept with a link, to be held against what it hears. */

/* What is asked of each end, as two fields side by side: its name in the call, words, what stands there at first. */
function ofEnds() {
	return [
		{ name: 'names', words: _('Name'), usual: [ 'A', 'B' ], text: true },
		{ name: 'place', words: _('Place: latitude, longitude'), hint: '17.0667, -96.7203', text: true },
		{ name: 'ground', words: _('Ground, metres above the sea'), usual: [ '0', '0' ] },
		{ name: 'mast', words: _('Mast, metres'), usual: [ '10', '10' ] },
		{ name: 'gain', words: _('Antenna, dBi'), usual: [ '25', '25' ] },
		{ name: 'power', words: _('Power of the radio, dBm'), usual: [ '20', '20' ] }
	];
}

/* And of the link. */
function ofLink() {
	return [
		{ name: 'distance', words: _('Distance in km, where the places are not known') },
		{ name: 'frequency', words: _('Frequency, MHz'), usual: '5785' },
		{ name: 'width', words: _('Width of the channel'), usual: '20', choices: [ '5', '10', '20', '40', '80' ].map(mhz => [ mhz, mhz + ' MHz' ]) },
		{ name: 'chip', words: _('Chip of the radio'), usual: 'other', choices: [ [ 'other', _('unknown') ], [ 'ath9k', 'ath9k' ], [ 'ath10k-wave2', 'ath10k' ], [ 'mt76', 'mt76' ] ] },
		{ name: 'allowed', words: _('What the law lets radiate, dBm (EIRP)'), hint: _('as the radios were told') }
	];
}

/* How bad a finding is, and how the link turns out. */
const GRADES = { good: 'good', doubtful: 'fair', impossible: 'bad' };

function verdict(code) {
	return { good: _('it will work'), doubtful: _('it may work, look at this first'), impossible: _('it cannot work as planned') }[code];
}

return view.extend({
	load: function() {
		return node.configuration();
	},

	render: function() {
		this.inputs = {};
		this.place = E('div', { 'class': 'tq-place', 'aria-live': 'polite' });
		const ends = [ 0, 1 ].map(end => E('fieldset', { 'class': 'tq-end' }, [
			E('legend', {}, [ end ? _('The other end') : _('This end') ])
		].concat(ofEnds().map(field => this.field(field, end)))));
		this.root = page.frame([
			E('p', { 'class': 'tq-lead' }, [ _('Will the link work? Ask before climbing.') ]),
			E('form', { 'class': 'tq-card tq-planner', 'submit': event => { event.preventDefault(); this.ask(); } }, [
				E('div', { 'class': 'tq-ends' }, ends)
			].concat(ofLink().map(field => this.field(field)), [
				E('div', { 'class': 'tq-actions' }, [ E('button', { 'class': 'tq-button tq-main', 'type': 'submit' }, [ _('Reckon') ]) ])
			])),
			this.place
		]);
		return this.root;
	},

	field: function(field, end) {
		const id = 'tq-' + field.name + (end == null ? '' : '-' + end);
		const usual = end == null ? field.usual : (field.usual || [])[end];
		const input = field.choices ?
			E('select', { 'class': 'tq-input', 'id': id }, field.choices.map(choice => E('option', { 'value': choice[0], 'selected': choice[0] == usual || null }, [ choice[1] ]))) :
			E('input', { 'class': 'tq-input', 'id': id, 'value': usual || '', 'maxlength': '64', 'autocomplete': 'off', 'placeholder': field.hint || null, 'inputmode': field.text ? null : 'decimal' });
		this.inputs[id] = input;
		return E('p', { 'class': 'tq-field' }, [ E('label', { 'for': id }, [ field.words ]), input ]);
	},

	said: function(name, end) {
		return this.inputs['tq-' + name + (end == null ? '' : '-' + end)].value.trim();
	},

	/* A figure with a point, whatever the reader's language has. */
	figure: function(name, end) {
		return this.said(name, end).replace(',', '.');
	},

	/* Both ends of one name, with a comma between. */
	both: function(name) {
		return [ 0, 1 ].map(end => this.figure(name, end)).join(',');
	},

	ask: function() {
		return node.ask('plan_link', this.said('place', 0), this.said('place', 1), this.figure('distance'), this.both('ground'), this.both('mast'),
			this.both('gain'), this.both('power'), this.figure('frequency'), this.said('width'), this.said('chip'), this.figure('allowed'),
			this.both('names'), /^en/.test(document.documentElement.lang) ? 'en' : 'es').then(reply => {
			page.tell(this.root, reply.trouble || null);
			dom.content(this.place, reply.trouble ? [] : [ this.answer(reply.data) ]);
			(reply.trouble ? this.root : this.place).scrollIntoView({ block: 'start' });
		});
	},

	answer: function(budget) {
		const one = (figure, decimals, unit) => format.number(figure, decimals) + ' ' + unit;
		return E('section', { 'class': 'tq-card tq-plan-answer', 'data-verdict': budget.verdict }, [
			E('div', { 'class': 'tq-card-head' }, [
				E('h3', {}, [ budget.ends[0].name + ' – ' + budget.ends[1].name ]), page.badge(GRADES[budget.verdict], verdict(budget.verdict))
			]),
			E('ul', { 'class': 'tq-list' }, budget.findings.map(finding => E('li', { 'data-finding': finding.code }, [
				page.badge(GRADES[finding.weight], { good: _('note'), doubtful: _('look first'), impossible: _('no') }[finding.weight]), ' ', finding.text
			]))),
			E('div', {}, [ page.facts([
				[ _('Distance'), one(budget.distance_m / 1000, 2, 'km') ],
				[ _('Room over the ground'), _('%s m, and %s m are needed').format(format.number(budget.tightest_clear_m, 1), format.number(budget.tightest_needed_m, 1)) ],
				[ _('Coverage class'), budget.coverage_class ]
			]) ]),
			E('div', { 'class': 'tq-answers' }, budget.ends.map(end => E('div', {}, [ E('h4', {}, [ end.name ]), page.facts([
				end.bearing_deg == null ? null : [ _('Aim, from true north'), one(end.bearing_deg, 1, '°') ],
				[ _('Tilt'), one(end.elevation_deg, 2, '°') ],
				[ _('Signal to expect'), one(end.signal_dbm, 0, 'dBm') ],
				[ _('Rate to expect'), end.expected_mbps == null ? '–' : one(end.expected_mbps, 0, 'Mbit/s') ],
				[ _('Radiated'), one(end.eirp_dbm, 0, 'dBm') ]
			]) ]))),
			this.keeping(budget)
		]);
	},

	/* What this end is to hear, kept with one of its radios. */
	keeping: function(budget) {
		const radios = node.radios();
		if (!L.hasViewPermission() || !radios.length || budget.keep_signal_dbm == null)
			return '';
		const place = E('div', { 'role': 'status', 'aria-live': 'polite' });
		const chosen = E('select', { 'class': 'tq-input', 'id': 'tq-keep' }, radios.map(device => E('option', { 'value': device }, [ node.deviceName(device) ])));
		const keep = () => node.keep(chosen.value, { planned_signal_dbm: budget.keep_signal_dbm, planned_kbit: budget.keep_kbit }).then(
			() => dom.content(place, page.notice('good', _('Noted. It counts once you save and apply the settings.'), [
				E('p', {}, [ E('a', { 'href': L.url('admin/tequio', 'settings') + location.search }, [ _('To the settings') ]) ])
			])),
			error => dom.content(place, page.notice('bad', String(error.message || error))));
		return E('div', { 'class': 'tq-keep' }, [
			E('p', { 'class': 'tq-field' }, [ E('label', { 'for': 'tq-keep' }, [ _('This end is the radio') ]), chosen ]),
			E('p', { 'class': 'tq-hint' }, [ _('The node will say when it hears 6 dB less than this plan.') ]),
			E('div', { 'class': 'tq-actions' }, [ E('button', { 'class': 'tq-button', 'type': 'button', 'data-keep': '', 'click': keep }, [ _('Keep with the link') ]) ]),
			place
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
