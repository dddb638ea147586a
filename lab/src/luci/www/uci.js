/* The configuration of the node, as LuCI's uci class has it: read once, changes kept until they are saved. */
'use strict';

builtin.uci = {
	values: {},
	creates: {},
	changes: {},
	deletes: {},
	numbers: 0,

	callGet: rpc.declare({ object: 'uci', method: 'get', params: [ 'config' ], expect: { values: {} }, reject: true }),
	callAdd: rpc.declare({ object: 'uci', method: 'add', params: [ 'config', 'type', 'name', 'values' ], expect: { section: '' }, reject: true }),
	callSet: rpc.declare({ object: 'uci', method: 'set', params: [ 'config', 'section', 'values' ], reject: true }),
	callDelete: rpc.declare({ object: 'uci', method: 'delete', params: [ 'config', 'section', 'options' ], reject: true }),
	callApply: rpc.declare({ object: 'uci', method: 'apply', params: [ 'timeout', 'rollback' ], reject: true }),
	callConfirm: rpc.declare({ object: 'uci', method: 'confirm', reject: true }),

	load: function(config) {
		if (this.values[config])
			return Promise.resolve([ config ]);
		return this.callGet(config).then(values => {
			this.values[config] = values;
			return [ config ];
		});
	},

	sections: function(config, type) {
		const deleted = this.deletes[config] || {}, changed = this.changes[config] || {};
		const there = Object.values(this.values[config] || {}).filter(section => deleted[section['.name']] !== true);
		const all = there.map(section => {
			const now = Object.assign({}, section, changed[section['.name']]);
			Object.keys(deleted[section['.name']] || {}).forEach(option => delete now[option]);
			return now;
		}).concat(Object.values(this.creates[config] || {}));
		return all.filter(section => !type || section['.type'] == type).sort((a, b) => a['.index'] - b['.index']);
	},

	get: function(config, sid, option) {
		const section = this.sections(config).find(candidate => candidate['.name'] == sid);
		return section ? section[option] : null;
	},

	add: function(config, type, name) {
		const sid = name || 'new' + String(++this.numbers).padStart(6, '0');
		this.creates[config] = this.creates[config] || {};
		this.creates[config][sid] = { '.type': type, '.name': sid, '.create': name, '.anonymous': !name, '.index': 1000 + this.numbers };
		return sid;
	},

	remove: function(config, sid) {
		if (this.creates[config] && this.creates[config][sid])
			return void delete this.creates[config][sid];
		this.deletes[config] = Object.assign(this.deletes[config] || {}, { [sid]: true });
	},

	set: function(config, sid, option, value) {
		const created = this.creates[config] && this.creates[config][sid];
		if (created)
			return void (created[option] = value);
		this.changes[config] = this.changes[config] || {};
		this.changes[config][sid] = Object.assign(this.changes[config][sid] || {}, { [option]: value });
		if (this.deletes[config] && this.deletes[config][sid])
			delete this.deletes[config][sid][option];
	},

	unset: function(config, sid, option) {
		const created = this.creates[config] && this.creates[config][sid];
		if (created)
			return void delete created[option];
		if (this.changes[config] && this.changes[config][sid])
			delete this.changes[config][sid][option];
		const section = (this.values[config] || {})[sid];
		if (!section || !(option in section))
			return;
		this.deletes[config] = this.deletes[config] || {};
		if (this.deletes[config][sid] !== true)
			this.deletes[config][sid] = Object.assign(this.deletes[config][sid] || {}, { [option]: true });
	},

	/* Hands all changes to rpcd, where they wait to be applied; then reads anew. */
	save: async function() {
		const configs = Object.keys(this.values);
		for (const config of configs) {
			for (const section of Object.values(this.creates[config] || {})) {
				const values = {};
				Object.keys(section).filter(key => key[0] != '.').forEach(key => { values[key] = section[key]; });
				await this.callAdd(config, section['.type'], section['.create'], values);
			}
			for (const [ sid, values ] of Object.entries(this.changes[config] || {}))
				if (Object.keys(values).length)
					await this.callSet(config, sid, values);
			for (const [ sid, what ] of Object.entries(this.deletes[config] || {}))
				if (what === true)
					await this.callDelete(config, sid);
				else if (Object.keys(what).length)
					await this.callDelete(config, sid, Object.keys(what));
		}
		this.values = {};
		this.creates = {};
		this.changes = {};
		this.deletes = {};
		await Promise.all(configs.map(config => this.load(config)));
	},

	/* LuCI's ui.changes.apply(): apply with a way back, confirm, say so, load the page again. */
	applyChanges: async function() {
		ui.showModal('', [ E('p', { 'class': 'spinning' }, [ _('Applying configuration changes…') ]) ]);
		try {
			await this.callApply(L.env.apply_rollback, true);
			await this.callConfirm();
		}
		catch (error) {
			const nothing = / ubus code 5:/.test(error.message);
			ui.showModal('', [ E('p', {}, [ nothing ? _('There are no changes to apply') : String(error.message) ]) ]);
			return void setTimeout(ui.hideModal, 1500);
		}
		document.dispatchEvent(new CustomEvent('uci-applied'));
		ui.showModal('', [ E('p', {}, [ _('Configuration changes applied.') ]) ]);
		setTimeout(() => location.reload(), 1500);
	}
};
