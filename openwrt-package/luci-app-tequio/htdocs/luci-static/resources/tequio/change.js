'use strict';
'require baseclass';
'require dom';
'require uci';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';

/* Other settings for a link at both its ends, or at neither: what is wanted, a question, and a countdown until it is over. */

/* What the form asks for, if `list change` of the interface allows it. */
function fields() {
	return [
		{ name: 'channel', words: _('Channel, MHz'), note: _('Middle of the first 20 MHz, for example 5745.') },
		{ name: 'width', words: _('Width of the channel'), choices: [ '5', '10', '20', '40', '80', '160' ].map(mhz => [ mhz, mhz + ' MHz' ]) },
		{ name: 'power', words: _('Power of the radios, dBm') },
		{ name: 'distance', words: _('Distance, metres') },
		{ name: 'key', words: _('Passphrase'), choices: [ [ 'new', _('a new one') ] ], note: _('Both ends work it out by themselves: it is not sent.') },
		{ name: 'ssid', words: _('Name of the network'), text: 32 }
	];
}

/* Why it did not begin. These words of the node mean something else where vouchers are sold. */
function refusal(trouble) {
	switch (trouble.code) {
	case 'no-member': return _('There is not exactly one member at the other end of this link: admit its node first.');
	case 'not-allowed': return _('This end does not allow it: look at "May be changed" of this link in the settings.');
	case 'busy': return _('Another change is under way. Wait until it is over.');
	case 'too-soon': return _('A link is changed once in ten minutes at most. Try again later.');
	default: return trouble.text;
	}
}

/* How far it is. */
function stage(change) {
	const left = format.duration(change.left_s);
	switch (change.stage) {
	case 'agreeing': return _('Both ends are agreeing on it. Nothing has changed yet.');
	case 'testing': return _('The new settings are being tried. If the ends do not find each other, each goes back by itself, in %s at the latest.').format(left);
	case 'kept': return _('The new settings hold here. The other end has still to hear that they do.');
	case 'leaving': return _('It did not work. The old settings are coming back.');
	default: return String(change.stage);
	}
}

/* How it ended: {kind, text}. */
function ending(word) {
	switch (word) {
	case 'kept': return { kind: 'good', text: _('Done: both ends have the new settings.') };
	case 'rolled-back': return { kind: 'warn', text: _('It did not work: the old settings are back.') };
	case 'not-allowed': return { kind: 'bad', text: _('Nothing was changed: the other end does not allow it.') };
	case 'busy': return { kind: 'bad', text: _('Nothing was changed: the other end has another change under way.') };
	case 'too-soon': return { kind: 'bad', text: _('Nothing was changed: the other end was changed less than ten minutes ago.') };
	case 'silence': return { kind: 'bad', text: _('Nothing was changed: the other end does not answer over this link.') };
	case 'not-armed': return { kind: 'bad', text: _('Nothing was changed: an end could not keep its old settings, or somebody else is changing its radio.') };
	default: return { kind: 'warn', text: _('It is over; the log of the node tells how.') };
	}
}

/* What a device allows, by its configuration. */
function allowed(device) {
	const section = uci.sections('tequio', 'interface').find(candidate => candidate.device == device);
	return [].concat(section && section.change || []);
}

return baseclass.extend({
	/* The form of a link; update(link) tells it what the node says of it. */
	make: function(root, device) {
		const asked = fields().filter(field => allowed(device).indexOf(field.name) >= 0), inputs = {};
		const place = E('div', { 'class': 'tq-place', 'role': 'status', 'aria-live': 'polite' });
		let waits = false, count = null, shown = '';
		const draw = (kind, text, key) => {
			if (shown != kind + text) {
				shown = kind + text;
				dom.content(place, page.notice(kind, text, key));
			}
		};
		const update = link => {
			clearInterval(count);
			if (link.change) {
				waits = true;
				const change = Object.assign({}, link.change);
				draw('wait', stage(change));
				count = setInterval(() => {
					change.left_s = Math.max(0, change.left_s - 1);
					draw('wait', stage(change));
				}, 1000);
			}
			else if (waits) {
				waits = false;
				const over = ending(link.change_ended);
				draw(over.kind, over.text);
			}
			button.disabled = link.change != null;
		};
		const typed = name => inputs[name] && inputs[name].value.trim() || undefined;
		const number = name => typed(name) && Number(typed(name).replace(',', '.'));
		const begin = () => {
			const key = inputs.key && inputs.key.value == 'new' ? 1 + Math.floor(Date.now() / 1000) % 2000000000 : undefined;
			const wanted = asked.filter(field => field.name == 'key' ? key : typed(field.name));
			if (!wanted.length)
				return draw('bad', _('Say what is to change.'));
			const list = wanted.map(field => field.words + ': ' + (field.name == 'key' ? _('a new one') : inputs[field.name].value)).join('\n');
			return page.confirm(_('Change both ends?'),
				list + '\n\n' + _('The link is tried with this for a minute or two, and may be silent meanwhile. If it does not work, both ends go back by themselves, also without you.'),
				_('Change'), () => node.ask('link_change', device, number('channel'), number('width'), number('power'), number('distance'), key, typed('ssid')).then(reply => {
					waits = !reply.trouble;
					if (reply.trouble)
						draw('bad', refusal(reply.trouble));
					else
						draw('wait', stage({ stage: 'agreeing' }));
				}));
		};
		const button = E('button', { 'class': 'tq-button tq-main', 'type': 'submit' }, [ _('Change both ends') ]);
		const form = asked.length ? E('form', { 'submit': event => { event.preventDefault(); begin(); } }, asked.map(field => {
			const id = 'tq-change-' + field.name;
			inputs[field.name] = field.choices ?
				E('select', { 'class': 'tq-input', 'id': id }, [ E('option', { 'value': '' }, [ _('as it is') ]) ].concat(field.choices.map(choice => E('option', { 'value': choice[0] }, [ choice[1] ])))) :
				E('input', { 'class': 'tq-input', 'id': id, 'inputmode': field.text ? 'text' : 'decimal', 'autocomplete': 'off', 'maxlength': String(field.text || 6), 'placeholder': _('as it is') });
			return E('p', { 'class': 'tq-field' }, [ E('label', { 'for': id }, [ field.words ]), inputs[field.name], field.note ? E('small', {}, [ field.note ]) : '' ]);
		}).concat([ E('div', { 'class': 'tq-actions' }, [ button ]) ])) :
			page.notice('warn', _('Nothing of this link may be changed from here. Allow it at both ends, in the settings: "May be changed".'));
		return { body: E('div', { 'class': 'tq-change' }, [ form, place ]), update: update };
	}
});
