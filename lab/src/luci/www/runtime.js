/*
 * The client side of the stand-in for LuCI: exactly those calls that the views of luci-app-tequio make. They are listed
 * in docs/luci-host.md; whatever is not there throws. It is also stricter than LuCI where LuCI would quietly do harm: a
 * bare string as contents of an element is markup there and an error here.
 */
'use strict';

/* Names are looked up in these objects only; anything else is a call that a router may not have either. */
function strict(name, members) {
	return new Proxy(members, {
		get: (target, key) => {
			if (key in target || typeof(key) == 'symbol' || key == 'then')
				return target[key];
			throw new Error(name + '.' + key + ' is no call of docs/luci-host.md');
		}
	});
}

/* ---- text ---- */

let translations = {};

function _(text) {
	const translated = translations[text];
	return translated == null ? text : Array.isArray(translated) ? translated[0] : translated;
}

function N_(number, one, many) {
	const forms = translations[one];
	return (Array.isArray(forms) ? forms : [ one, many ])[number == 1 ? 0 : 1];
}

Object.defineProperty(String.prototype, 'format', {
	value: function() {
		let next = 0;
		return this.replace(/%(.)/g, (whole, kind) => {
			switch (kind) {
			case '%': return '%';
			case 's': return String(arguments[next++]);
			case 'd': return String(Math.trunc(Number(arguments[next++])));
			default: throw new Error('format: ' + whole + ' is not in docs/luci-host.md');
			}
		});
	}
});

/* ---- elements ---- */

function append(node, children) {
	if (children == null)
		return;
	if (children instanceof Node)
		return void node.appendChild(children);
	if (!Array.isArray(children))
		throw new Error('contents must be an element or a list: LuCI takes a bare string for markup: ' + children);
	for (const child of children) {
		if (child == null)
			continue;
		if (typeof(child) == 'object' && !(child instanceof Node))
			throw new Error('LuCI would show this child as [object]: ' + JSON.stringify(child));
		node.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
	}
}

function E(tag, attributes, children) {
	if (!/^[a-z][a-z0-9]*$/.test(tag))
		throw new Error('E() takes the name of an element here: ' + tag);
	const node = document.createElement(tag);
	for (const key of Object.keys(attributes || {})) {
		const value = attributes[key];
		if (value == null)
			continue;
		if (typeof(value) == 'function')
			node.addEventListener(key, value);
		else if (typeof(value) == 'string' || typeof(value) == 'number' || value === true)
			node.setAttribute(key, String(value));
		else
			throw new Error('attribute ' + key + ' of ' + tag + ' is ' + typeof(value));
	}
	append(node, children);
	return node;
}

const dom = {
	content: (node, children) => {
		node.replaceChildren();
		append(node, children);
		return node;
	}
};

/* ---- classes ---- */

function makeClass(parent, members) {
	const made = function() {
		if (typeof(this.__init__) == 'function')
			this.__init__.apply(this, arguments);
	};
	made.prototype = Object.assign(Object.create(parent ? parent.prototype : Object.prototype), members, { constructor: made });
	made.extend = more => makeClass(made, more);
	return made;
}

const baseclass = makeClass(null, {});

/* ---- calls ---- */

let callNumber = 1;

function raise(kind, text) {
	const error = new Error(text);
	error.name = kind;
	throw error;
}

const STATUS = [
	'Command OK', 'Invalid command', 'Invalid argument', 'Method not found', 'Resource not found', 'No data received',
	'Permission denied', 'Request timeout', 'Not supported', 'Unspecified error', 'Connection lost'
];

async function call(object, method, args) {
	const where = object + '/' + method;
	const body = { jsonrpc: '2.0', id: callNumber++, method: 'call', params: [ L.env.sessionid, object, method, args ] };
	const response = await fetch(L.env.ubuspath, {
		method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
		signal: AbortSignal.timeout(20000)
	});
	if (!response.ok)
		raise('RPCError', 'RPC call to ' + where + ' failed with HTTP error ' + response.status + ': ' + response.statusText);
	const message = await response.json();
	if (message.error) {
		if (message.error.code == -32002 && object != 'session')
			await call('session', 'access', { scope: 'uci', object: 'luci', function: 'read' }).catch(sessionEnded);
		raise('RPCError', 'RPC call to ' + where + ' failed with error ' + message.error.code + ': ' + message.error.message);
	}
	return message.result;
}

function sessionEnded() {
	poll.stop();
	ui.showModal(_('Session expired'), [
		E('p', {}, [ _('A new login is required since the authentication session expired.') ]),
		E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn', 'click': () => location.reload() }, [ _('To login…') ]) ])
	]);
	raise('SessionError', 'Login session is expired');
}

const rpc = {
	declare: options => function() {
		const args = {};
		(options.params || []).forEach((name, i) => { args[name] = arguments[i]; });
		return call(options.object, options.method, args).then(result => {
			if (options.reject && result[0] !== 0)
				raise('RPCError', 'RPC call to ' + options.object + '/' + options.method + ' failed with ubus code ' +
					result[0] + ': ' + (STATUS[result[0]] || 'Unknown error code'));
			let value = result.length > 1 ? result[1] : result[0];
			for (const key of Object.keys(options.expect || {})) {
				if (value != null && key != '')
					value = value[key];
				const type = thing => Object.prototype.toString.call(thing);
				if (value == null || type(value) != type(options.expect[key]))
					value = options.expect[key];
			}
			return value;
		});
	}
};

/* ---- looking again ---- */

const poll = {
	queue: [],
	tick: 0,
	timer: null,

	add: (act, seconds) => {
		if (typeof(act) != 'function' || !(seconds > 0))
			throw new TypeError('poll.add(function, seconds)');
		poll.queue.push({ act: act, seconds: seconds, running: false });
	},

	step: () => {
		poll.tick++;
		for (const entry of poll.queue) {
			if (poll.tick % entry.seconds || entry.running || document.hidden)
				continue;
			entry.running = true;
			Promise.resolve(entry.act()).finally(() => { entry.running = false; });
		}
	},

	start: () => { poll.timer = poll.timer || setInterval(poll.step, 1000); },
	stop: () => { clearInterval(poll.timer); poll.timer = null; }
};

/* ---- windows and notes ---- */

const ui = {
	showModal: (title, children) => {
		const overlay = document.getElementById('modal_overlay'), modal = overlay.firstElementChild;
		dom.content(modal, [ E('h4', {}, [ title ]) ]);
		append(modal, children);
		overlay.hidden = false;
		const first = modal.querySelector('button, input');
		if (first)
			first.focus();
		return modal;
	},

	hideModal: () => { document.getElementById('modal_overlay').hidden = true; },

	addNotification: (title, children) => {
		const note = E('div', { 'class': 'alert-message fade-in', 'role': 'alert' }, [
			E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn', 'click': () => note.remove() }, [ _('Dismiss') ]) ])
		]);
		if (title != null)
			note.prepend(E('h4', {}, [ title ]));
		append(note, children);
		document.getElementById('maincontent').prepend(note);
		return note;
	}
};

/* ---- pages ---- */

const view = baseclass.extend({
	__init__: function() {
		const place = document.getElementById('view');
		Promise.resolve(this.load()).then(loaded => this.render(loaded)).then(nodes => {
			dom.content(place, nodes);
			append(place, this.addFooter());
		}).catch(error => {
			console.error(error);
			ui.addNotification(_('Error'), [ E('p', {}, [ String(error.message || error) ]) ]);
		});
	},

	load: () => null,
	render: () => null,

	maps: () => Array.from(document.querySelectorAll('#maincontent .cbi-map')).map(node => node.instance),

	handleSave: function() {
		return Promise.all(this.maps().map(map => map.save()));
	},

	handleSaveApply: function(event) {
		return this.handleSave(event).then(() => builtin.uci.applyChanges());
	},

	handleReset: function() {
		return Promise.all(this.maps().map(map => map.reset()));
	},

	addFooter: function() {
		const button = (handler, kind, text) => this[handler] ? E('button', {
			'class': 'btn cbi-button cbi-button-' + kind,
			'click': event => {
				const pressed = event.currentTarget;
				pressed.disabled = true;
				Promise.resolve(this[handler](event)).catch(() => null).finally(() => { pressed.disabled = false; });
			}
		}, [ text ]) : '';
		if (!this.handleSaveApply && !this.handleSave && !this.handleReset)
			return [];
		return E('div', { 'class': 'cbi-page-actions' }, [
			button('handleSaveApply', 'apply important', _('Save & Apply')), ' ',
			button('handleSave', 'save', _('Save')), ' ',
			button('handleReset', 'reset', _('Reset'))
		]);
	}
});

const L = strict('L', {
	env: null,
	resource: path => L.env.resource + '/' + path,
	url: function() { return [ L.env.scriptname ].concat(Array.from(arguments)).join('/'); },
	hasViewPermission: () => L.env.nodespec.satisfied ? !L.env.nodespec.readonly : null
});

/* ---- modules ---- */

const builtin = { baseclass: baseclass, dom: dom, poll: poll, rpc: rpc, ui: ui, view: view };

/* What a view may name of each. */
const SHOWN = {
	baseclass: [ 'extend' ], view: [ 'extend' ], dom: [ 'content' ], poll: [ 'add' ], rpc: [ 'declare' ],
	ui: [ 'showModal', 'hideModal', 'addNotification' ], uci: [ 'load', 'sections', 'set', 'save' ],
	form: [ 'Map', 'TypedSection', 'Value', 'ListValue', 'Flag', 'DynamicList' ]
};

const modules = {};

function load(name) {
	if (SHOWN[name]) {
		const members = {};
		SHOWN[name].forEach(key => { members[key] = builtin[name][key]; });
		if (name == 'uci')
			SHOWN.uci.forEach(key => { members[key] = builtin.uci[key].bind(builtin.uci); });
		return Promise.resolve(strict(name, members));
	}
	if (!/^[a-z]+(\.[a-z]+)+$/.test(name) && !/^view\.[a-z.]+$/.test(name))
		return Promise.reject(new Error('no module of docs/luci-host.md: ' + name));
	modules[name] = modules[name] || compile(name);
	return modules[name];
}

async function compile(name) {
	const path = L.resource(name.replace(/\./g, '/') + '.js');
	const response = await fetch(path);
	if (!response.ok)
		throw new Error(path + ': ' + response.status);
	const source = await response.text();
	const names = [], wanted = [];
	for (const line of source.split('\n')) {
		const found = /^'(?:require ([^ ']+)(?: as ([A-Za-z]+))?|use strict)';$/.exec(line.trim());
		if (!found)
			break;
		if (found[1]) {
			wanted.push(found[1]);
			names.push(found[2] || found[1].replace(/[^A-Za-z0-9_]/g, '_'));
		}
	}
	const parts = await Promise.all(wanted.map(load));
	const make = new Function('window', 'document', 'L', ...names, source + '\n//# sourceURL=' + path);
	const made = make.apply(null, [ window, document, L ].concat(parts));
	if (typeof(made) != 'function' || typeof(made.extend) != 'function')
		throw new Error(path + ' returns no class');
	return new made();
}
