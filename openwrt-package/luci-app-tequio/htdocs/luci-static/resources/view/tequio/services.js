'use strict';
'require view';
'require dom';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.pictures as pictures';

/* What members serve to everybody: where it is, and whether it answers now. Whoever may sign for the community at this
   node says here what there is; the others look. */

/* The key of what is being done. It changes only when the node has answered: whoever taps twice writes once. */
let key = null;

/* A node without a community serves nothing, and says so. */
function fetch() {
	return node.ask('network').then(reply => reply.trouble ? reply : { data: reply.data.services });
}

/* Whether this login may say what is served. The books know; they are asked once. */
function rights() {
	return node.ask('books', '').then(reply => !reply.trouble && L.hasViewPermission() && reply.data.may.indexOf('service_set') >= 0);
}

function called(service) {
	return service.title || service.name;
}

function address(service) {
	const scheme = service.port == 443 ? 'https://' : 'http://', usual = service.port == null || service.port == 80 || service.port == 443;
	return scheme + service.name + '.mesh' + (usual ? '' : ':' + service.port) + '/';
}

/* What the node says no to, in the words of this page. */
function refusal(trouble) {
	return trouble.code == 'address' ?
		_('It cannot be there. Give single addresses, of the guests of that node or of the part of the community\'s range that is nobody\'s, like 10.77.252.10.') : trouble.text;
}

return view.extend({
	load: function() {
		return Promise.all([ fetch(), rights() ]);
	},

	render: function(loaded) {
		this.may = loaded[1];
		this.place = E('div', { 'class': 'tq-place', 'aria-live': 'polite' });
		const list = E('div', { 'class': 'tq-stack' });
		this.root = page.frame([
			this.may ? E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button tq-main', 'data-deed': 'service_set', 'click': () => this.form() }, [ _('A new service') ])
			]) : '',
			this.place, list
		]);
		return page.follow(this.root, loaded[0], fetch, services => this.draw(list, services));
	},

	draw: function(list, services) {
		/* Without an address it is gone, and what does not answer is seen first. */
		const there = services.filter(service => service.prefixes.length);
		const silent = there.filter(service => !service.answers), well = there.filter(service => service.answers);
		dom.content(list, [
			E('p', { 'class': 'tq-lead' }, [ there.length ?
				N_(there.length, '%d service is there for the village, with an uplink and without.', '%d services are there for the village, with an uplink and without.').format(there.length) :
				_('Nobody serves anything yet: a library, a radio, the school\'s films.') ]),
			silent.length ? page.notice('warn', _('Does not answer now: %s.').format(silent.map(called).join(', '))) : '',
			E('div', { 'class': 'tq-grid' }, silent.concat(well).map(service => this.card(service)))
		]);
	},

	card: function(service) {
		return E('article', { 'class': 'tq-card', 'data-service': service.name }, [
			E('div', { 'class': 'tq-card-head' }, [
				E('h3', {}, [ (pictures.of(service.icon) + ' ' + called(service)).trim() ]),
				service.answers ? page.badge('good', _('answers')) : page.badge('bad', _('does not answer now'))
			]),
			E('p', {}, [ E('code', {}, [ address(service) ]) ]),
			page.facts([
				[ _('At the node'), service.node ],
				[ _('Its addresses'), service.prefixes.map(prefix => E('code', {}, [ prefix.replace(/\/(32|128)$/, '') ])) ],
				[ _('For whom'), service.free ? _('everybody') : _('whoever has a voucher') ]
			]),
			this.may ? E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button', 'data-change': '', 'click': () => this.form(service) }, [ _('Change') ]),
				E('button', { 'class': 'tq-button', 'data-remove': '', 'click': () => this.remove(service) }, [ _('Take away') ])
			]) : ''
		]);
	},

	/* What is asked of a service, a new one or one that is there. */
	form: function(service) {
		const old = service || { prefixes: [], free: true };
		key = node.key();
		page.form(this.place, service ? _('Change %s').format(called(service)) : _('A new service'), [
			{ name: 'name', words: _('Short name, like library: it is found at library.mesh'), value: old.name, most: 32 },
			{ name: 'title', words: _('Name for people'), value: old.title },
			{ name: 'icon', words: _('Picture'), choices: pictures.choices(), value: old.icon || '' },
			{ name: 'node', words: _('At which node (none: this one)'), value: old.node },
			{ name: 'prefixes', words: _('Its addresses, with commas'), value: old.prefixes.map(prefix => prefix.replace(/\/(32|128)$/, '')).join(', ') },
			{ name: 'port', words: _('Port'), value: String(old.port || 80), most: 5 },
			{ name: 'free', words: _('For whom'), choices: [ [ '1', _('everybody') ], [ '0', _('whoever has a voucher') ] ], value: old.free ? '1' : '0' }
		], values => this.send(values));
	},

	send: function(values) {
		const port = Number(values.port);
		if (!values.prefixes)
			return this.refuse(_('Say at which address it is.'));
		if (!(Number.isInteger(port) && port > 0 && port < 65536))
			return this.refuse(_('A port is a number from 1 to 65535.'));
		return this.act(node.ask('service_set', values.name, values.title, values.node, values.prefixes, values.free == '1', values.icon, port, key),
			_('Written down. Every node that hears of it knows the name; after a minute it is seen here whether it answers.'));
	},

	remove: function(service) {
		return page.confirm(_('Take %s away?').format(called(service)),
			_('Its name is known no more, and nobody gets there without a voucher. What stands at its node stays.'), _('Take away'), () => {
				key = node.key();
				return this.act(node.ask('service_set', service.name, service.title, service.node, '', service.free, service.icon || '', service.port || 80, key),
					_('Written down. It is gone from the portal.'));
			});
	},

	refuse: function(text) {
		page.tell(this.root, { kind: 'refused', text: text });
	},

	act: function(asked, done) {
		return asked.then(reply => {
			if (reply.trouble)
				return this.refuse(refusal(reply.trouble));
			page.tell(this.root, null);
			dom.content(this.place, [ page.notice('good', done) ]);
		});
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
