'use strict';
'require baseclass';
'require dom';
'require poll';
'require ui';

/*
 * What all pages have in common: the frame, the sentence about trouble, looking again every five seconds, icons, and
 * asking before something is done that cannot be undone. Text from the node is always put in as text.
 */

const SVG = 'http://www.w3.org/2000/svg';

/* Lines of 24 by 24. */
const ICONS = {
	yes: 'M4 12.5l5.5 5.5L20 6.5',
	no: 'M6 6l12 12M18 6L6 18',
	warn: 'M12 4v10M12 18.5v1',
	wait: 'M12 3a9 9 0 1 0 .01 0M12 7v5l3.5 2.5',
	node: 'M12 3v18M6 9a6 6 0 0 1 12 0M3 9a9 9 0 0 1 18 0',
	phone: 'M8 3h8v18H8zM11 18h2',
	link: 'M4 12h16M4 12a2 2 0 1 0 .01 0M20 12a2 2 0 1 0 .01 0',
	map: 'M12 4v6M12 14v6M5 19l5-5M19 19l-5-5'
};

function svg(name, attributes, children) {
	const element = document.createElementNS(SVG, name);
	Object.keys(attributes || {}).forEach(key => {
		if (attributes[key] != null)
			element.setAttribute(key, attributes[key]);
	});
	(children || []).forEach(child => element.appendChild(typeof(child) == 'string' ? document.createTextNode(child) : child));
	return element;
}

return baseclass.extend({
	svg: svg,

	icon: function(name) {
		return svg('svg', { 'class': 'tq-icon', 'viewBox': '0 0 24 24', 'aria-hidden': 'true' }, [
			svg('path', { d: ICONS[name] })
		]);
	},

	/* The frame of a page: a place for trouble, and the contents. It is seen when its style is there. */
	frame: function(contents) {
		const seen = () => { root.style.visibility = ''; };
		const root = E('div', { 'class': 'tq', 'style': 'visibility:hidden' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('tequio/tequio.css'), 'load': seen, 'error': seen }),
			E('div', { 'class': 'tq-trouble', 'role': 'status', 'aria-live': 'polite' }),
			E('div', { 'class': 'tq-body' }, contents || [])
		]);
		return root;
	},

	body: function(root) {
		return root.querySelector('.tq-body');
	},

	/* Says what is wrong, above the contents, or that nothing is. Old contents stay, pale: they were true. */
	tell: function(root, trouble) {
		const place = root.querySelector('.tq-trouble');
		const said = trouble ? trouble.text : '';
		if (place.getAttribute('data-said') != said) {
			place.setAttribute('data-said', said);
			dom.content(place, trouble ? this.notice(trouble.kind == 'denied' || trouble.kind == 'refused' ? 'bad' : 'wait', said) : []);
		}
		root.classList.toggle('tq-old', trouble != null && trouble.kind != 'refused');
	},

	notice: function(kind, text, more) {
		const icon = { bad: 'no', warn: 'warn', wait: 'wait', good: 'yes' }[kind];
		return E('div', { 'class': 'tq-notice tq-' + kind }, [ this.icon(icon), E('div', {}, [ E('p', {}, [ text ]) ].concat(more || [])) ]);
	},

	/* Draws what was fetched at first, and again whenever something else is fetched. Nothing is drawn anew without need:
	   what is being read, scrolled or typed stays where it is. */
	follow: function(root, first, fetch, draw) {
		let before = null;
		const show = reply => {
			this.tell(root, reply.trouble || null);
			if (reply.trouble)
				return;
			const now = JSON.stringify(reply.data);
			if (now === before)
				return;
			before = now;
			draw(reply.data);
		};
		show(first);
		poll.add(() => fetch().then(show), 5);
		return root;
	},

	/* Asks before something happens. */
	confirm: function(title, text, action, act) {
		return new Promise(resolve => {
			const close = answer => {
				ui.hideModal();
				resolve(answer);
			};
			ui.showModal(title, [
				E('div', { 'class': 'tq tq-modal' }, [
					E('p', {}, [ text ]),
					E('div', { 'class': 'tq-actions' }, [
						E('button', { 'class': 'tq-button', 'click': () => close(false) }, [ _('Cancel') ]),
						E('button', { 'class': 'tq-button tq-danger', 'click': () => close(true) }, [ action ])
					])
				])
			]);
		}).then(yes => yes ? act() : null);
	},

	/* Makes a voucher worthless, after a question. done gets the reply. */
	revoke: function(ask, text, done) {
		return this.confirm(_('Revoke this voucher?'), text, _('Revoke'), () => ask().then(done));
	},

	figure: function(number, words, target) {
		const contents = [ E('strong', {}, [ String(number) ]), E('span', {}, [ words ]) ];
		return target ? E('a', { 'class': 'tq-figure', 'href': L.url('admin/tequio', target) + location.search }, contents) :
			E('div', { 'class': 'tq-figure' }, contents);
	},

	facts: function(rows) {
		return E('dl', { 'class': 'tq-facts' }, rows.filter(row => row).map(row => E('div', {}, [
			E('dt', {}, [ row[0] ]), E('dd', {}, Array.isArray(row[1]) ? row[1] : [ String(row[1]) ])
		])));
	},

	/* A form with large fields, in a place on top; send gets what was typed, by the fields' names. */
	form: function(place, title, fields, send) {
		const inputs = fields.map(field => {
			const id = 'tq-field-' + field.name;
			const input = field.choices ?
				E('select', { 'class': 'tq-input', 'id': id }, field.choices.map(choice => E('option', { 'value': choice[0] }, [ choice[1] ]))) :
				E('input', { 'class': 'tq-input', 'id': id, 'type': field.kind || 'text', 'autocomplete': 'off', 'maxlength': String(field.most || 96), 'value': field.value || '' });
			if (field.choices && field.value != null)
				input.value = field.value;
			return { field: field, input: input, row: E('p', { 'class': 'tq-field' }, [ E('label', { 'for': id }, [ field.words ]), input ]) };
		});
		const typed = () => {
			const values = {};
			inputs.forEach(one => { values[one.field.name] = one.input.value.trim(); });
			return values;
		};
		dom.content(place, E('form', { 'class': 'tq-card', 'submit': event => { event.preventDefault(); send(typed()); } }, [ E('h3', {}, [ title ]) ]
			.concat(inputs.map(one => one.row), [ E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button', 'type': 'button', 'click': () => dom.content(place, []) }, [ _('Cancel') ]),
				E('button', { 'class': 'tq-button tq-main', 'type': 'submit' }, [ _('Write it down') ])
			]) ])));
		place.scrollIntoView({ block: 'start' });
		inputs[0].input.focus();
	},

	badge: function(kind, text) {
		return E('span', { 'class': 'tq-badge tq-' + kind }, [ text ]);
	}
});
