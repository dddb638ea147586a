/* Forms on UCI: those of LuCI's form classes that our settings page uses, with LuCI's rules for what is empty. */
'use strict';

(() => {
const uci = builtin.uci;

const callAccess = rpc.declare({
	object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ], expect: { access: false }
});

/* LuCI shows texts like "Delete" in its own translation; ours come from the package's, or stay English. */
const Value = baseclass.extend({
	__init__: function(map, section, option, title, description) {
		Object.assign(this, { map: map, section: section, option: option, title: title, description: description, rmempty: true, keys: [], titles: [] });
		this.inputs = {};
	},

	value: function(key, title) {
		this.keys.push(String(key));
		this.titles.push(String(title == null ? key : title));
	},

	validate: () => true,

	cfgvalue: function(sid) {
		return uci.get(this.map.config, sid, this.option);
	},

	formvalue: function(sid) {
		return this.inputs[sid] ? this.read(sid) : null;
	},

	read: function(sid) {
		return this.inputs[sid].value.trim();
	},

	/* Texts that each have to be right. */
	parts: function(sid) {
		return [ this.read(sid) ];
	},

	/* Marks what is wrong; true, or the sentence. */
	check: function(sid) {
		let verdict = true;
		for (const text of this.parts(sid)) {
			if (text === '' && !this.rmempty)
				verdict = _('Expected: %s').format(_('a value'));
			const own = this.validate(sid, text);
			verdict = own === true ? verdict : own;
		}
		const field = this.map.root.querySelector('[data-field="' + this.cbid(sid) + '"]');
		field.classList.toggle('cbi-value-error', verdict !== true);
		dom.content(field.querySelector('.cbi-error'), [ verdict === true ? '' : verdict ]);
		return verdict;
	},

	cbid: function(sid) {
		return 'cbid.' + this.map.config + '.' + sid + '.' + this.option;
	},

	widget: function(sid, value) {
		const input = E('input', {
			'type': 'text', 'class': 'cbi-input-text', 'id': 'widget.' + this.cbid(sid), 'placeholder': this.placeholder,
			'disabled': this.map.readonly || null, 'change': () => this.check(sid)
		});
		input.value = value == null ? (this.default || '') : value;
		this.inputs[sid] = input;
		return input;
	},

	render: function(sid) {
		return E('div', { 'class': 'cbi-value', 'data-field': this.cbid(sid), 'data-name': this.option }, [
			E('label', { 'class': 'cbi-value-title', 'for': 'widget.' + this.cbid(sid) }, [ this.title ]),
			E('div', { 'class': 'cbi-value-field' }, [
				this.widget(sid, this.cfgvalue(sid)),
				E('div', { 'class': 'cbi-error', 'role': 'alert' }, []),
				E('div', { 'class': 'cbi-value-description' }, [ this.description || '' ])
			])
		]);
	},

	/* Into the configuration; an error if it is wrong. */
	parse: function(sid) {
		const verdict = this.check(sid), now = this.formvalue(sid), before = this.cfgvalue(sid);
		if (verdict !== true)
			throw new TypeError(_('%s: %s').format(this.title, verdict));
		if (now == null || now === '' || (Array.isArray(now) && now.length == 0)) {
			if (!this.rmempty)
				throw new TypeError(_('%s: %s').format(this.title, _('Expected: %s').format(_('a value'))));
			return uci.unset(this.map.config, sid, this.option);
		}
		if (JSON.stringify(now) != JSON.stringify(before))
			uci.set(this.map.config, sid, this.option, now);
	}
});

const ListValue = Value.extend({
	widget: function(sid, value) {
		const select = E('select', {
			'class': 'cbi-input-select', 'id': 'widget.' + this.cbid(sid), 'disabled': this.map.readonly || null,
			'change': () => this.check(sid)
		}, this.keys.map((key, i) => E('option', { 'value': key }, [ this.titles[i] ])));
		select.value = value == null ? (this.default || this.keys[0]) : value;
		this.inputs[sid] = select;
		return select;
	}
});

const Flag = Value.extend({
	widget: function(sid, value) {
		const input = E('input', {
			'type': 'checkbox', 'class': 'cbi-input-checkbox', 'id': 'widget.' + this.cbid(sid),
			'disabled': this.map.readonly || null, 'change': () => this.check(sid)
		});
		input.checked = value == '1';
		this.inputs[sid] = input;
		return input;
	},

	read: function(sid) {
		return this.inputs[sid].checked ? '1' : '0';
	},

	/* What validate() is given, as in LuCI: the value of the box, whether it is checked or not. */
	parts: () => [ '1' ],

	/* The value that holds anyway is not written. */
	parse: function(sid) {
		if (this.read(sid) == (this.default || '0')) {
			this.check(sid);
			return uci.unset(this.map.config, sid, this.option);
		}
		return Value.prototype.parse.call(this, sid);
	}
});

const DynamicList = Value.extend({
	widget: function(sid, value) {
		const values = value == null ? [] : Array.isArray(value) ? value : [ value ];
		const list = E('div', { 'class': 'cbi-dynlist' });
		const item = text => {
			const input = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'disabled': this.map.readonly || null, 'change': () => this.check(sid) });
			input.value = text;
			const row = E('div', { 'class': 'item' }, [ input, E('button', {
				'type': 'button', 'class': 'btn cbi-button-remove', 'aria-label': '−', 'disabled': this.map.readonly || null,
				'click': () => { row.remove(); this.check(sid); }
			}, [ '−' ]) ]);
			return row;
		};
		values.forEach(text => list.appendChild(item(text)));
		list.appendChild(E('button', {
			'type': 'button', 'class': 'btn cbi-button-add', 'id': 'widget.' + this.cbid(sid), 'aria-label': '+', 'disabled': this.map.readonly || null,
			'click': event => {
				const row = item('');
				list.insertBefore(row, event.currentTarget);
				row.firstChild.focus();
			}
		}, [ '+' ]));
		this.inputs[sid] = list;
		return list;
	},

	read: function(sid) {
		return Array.from(this.inputs[sid].querySelectorAll('input')).map(input => input.value.trim()).filter(text => text !== '');
	},

	parts: function(sid) {
		const texts = this.read(sid);
		return texts.length ? texts : [ '' ];
	},

	check: function(sid) {
		if (this.read(sid).length == 0 && this.rmempty) {
			const field = this.map.root.querySelector('[data-field="' + this.cbid(sid) + '"]');
			field.classList.remove('cbi-value-error');
			dom.content(field.querySelector('.cbi-error'), []);
			return true;
		}
		return Value.prototype.check.call(this, sid);
	}
});

const TypedSection = baseclass.extend({
	__init__: function(map, type, title, description) {
		Object.assign(this, { map: map, sectiontype: type, title: title, description: description, children: [], addremove: false, anonymous: false });
	},

	option: function(kind, name, title, description) {
		const made = new kind(this.map, this, name, title, description);
		this.children.push(made);
		return made;
	},

	cfgsections: function() {
		return uci.sections(this.map.config, this.sectiontype).map(section => section['.name']);
	},

	formvalue: function(sid, option) {
		const child = this.children.find(candidate => candidate.option == option);
		return child ? child.formvalue(sid) : null;
	},

	handleAdd: function(event, name) {
		uci.add(this.map.config, this.sectiontype, name);
		return this.map.save(null, true);
	},

	handleRemove: function(sid) {
		uci.remove(this.map.config, sid);
		this.children.forEach(child => delete child.inputs[sid]);
		return this.map.save(null, true);
	},

	renderAdd: function() {
		if (!this.addremove)
			return '';
		const name = this.anonymous ? null : E('input', { 'type': 'text', 'class': 'cbi-section-create-name', 'disabled': this.map.readonly || null });
		const press = event => {
			if (name && !/^[A-Za-z0-9_]+$/.test(name.value))
				return name.focus();
			return Promise.resolve(this.handleAdd(event, name ? name.value : undefined)).catch(() => null);
		};
		return E('div', { 'class': 'cbi-section-create' }, [ name, E('button', {
			'type': 'button', 'class': 'btn cbi-button-add', 'disabled': this.map.readonly || null, 'click': press
		}, [ this.addbtntitle || _('Add') ]) ]);
	},

	render: function() {
		const sids = this.cfgsections();
		const parts = sids.map(sid => E('div', { 'class': 'cbi-section-node', 'data-section-id': sid }, [
			this.anonymous ? '' : E('h3', {}, [ sid.toUpperCase() ]),
			this.addremove ? E('div', { 'class': 'cbi-section-remove right' }, [ E('button', {
				'type': 'button', 'class': 'btn', 'disabled': this.map.readonly || null,
				'click': () => Promise.resolve(this.handleRemove(sid)).catch(() => null)
			}, [ _('Delete') ]) ]) : ''
		].concat(this.children.map(child => child.render(sid)))));
		return E('div', { 'class': 'cbi-section', 'data-tab': this.sectiontype, 'data-tab-title': this.title }, [
			E('h3', {}, [ this.title ]), E('div', { 'class': 'cbi-section-descr' }, [ this.description || '' ])
		].concat(parts, sids.length ? [] : [ E('em', {}, [ _('This section contains no values yet') ]) ], [ this.renderAdd() ]));
	}
});

const FormMap = baseclass.extend({
	__init__: function(config, title, description) {
		Object.assign(this, { config: config, title: title, description: description, children: [], tabbed: false, readonly: null, tab: null });
		this.root = E('div', { 'class': 'cbi-map', 'id': 'cbi-' + config });
		this.root.instance = this;
	},

	section: function(kind, type, title, description) {
		const made = new kind(this, type, title, description);
		this.children.push(made);
		return made;
	},

	load: async function() {
		if (this.readonly == null && !(await callAccess('uci', this.config, 'write')))
			this.readonly = true;
		await uci.load(this.config);
	},

	render: function() {
		return this.load().then(() => this.draw());
	},

	reset: function() {
		return Promise.resolve(this.draw());
	},

	save: function(prepare, silent) {
		return Promise.resolve().then(() => {
			this.children.forEach(section => section.cfgsections().forEach(sid => section.children.forEach(option => {
				if (option.inputs[sid])
					option.parse(sid);
			})));
		}).then(prepare).then(() => uci.save()).catch(error => {
			if (!silent)
				ui.showModal(_('Save error'), [
					E('p', {}, [ String(error.message) ]),
					E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn', 'click': ui.hideModal }, [ _('Dismiss') ]) ])
				]);
			throw error;
		}).then(() => this.load()).then(() => this.draw());
	},

	draw: function() {
		const sections = this.children.map(section => {
			section.children.forEach(option => { option.inputs = {}; });
			return section.render();
		});
		dom.content(this.root, [ this.title ? E('h2', {}, [ this.title ]) : '' ]);
		if (this.tabbed)
			this.root.appendChild(this.tabs(sections));
		sections.forEach(section => this.root.appendChild(section));
		return this.root;
	},

	tabs: function(sections) {
		const choose = type => {
			this.tab = type;
			sections.forEach(section => { section.hidden = section.dataset.tab != type; });
			buttons.forEach(button => button.setAttribute('class', button.dataset.tab == type ? 'cbi-tab' : 'cbi-tab-disabled'));
		};
		const buttons = sections.map(section => E('li', { 'data-tab': section.dataset.tab }, [
			E('a', { 'href': '#' + section.dataset.tab, 'click': event => { event.preventDefault(); choose(section.dataset.tab); } }, [ section.dataset.tabTitle ])
		]));
		choose(this.tab || sections[0].dataset.tab);
		return E('ul', { 'class': 'cbi-tabmenu' }, buttons);
	}
});

builtin.form = { Map: FormMap, TypedSection: TypedSection, Value: Value, ListValue: ListValue, Flag: Flag, DynamicList: DynamicList };
})();
