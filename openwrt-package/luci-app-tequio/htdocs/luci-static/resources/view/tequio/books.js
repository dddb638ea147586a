'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.paper as paper';

/* What a month brought, person by person, and what whoever looks may do about it. It is asked for once, and again after
   each tap: the node walks over all its accounts for it. */

/* Which month is shown; nothing is this one. */
let shown = '';

/* The key of what is being done. It changes only when the node has answered: whoever taps twice pays once. */
let key = null;

function monthName(month) {
	const parts = month.split('-').map(Number);
	const text = new Date(parts[0], parts[1] - 1, 1)
		.toLocaleDateString(document.documentElement.lang || [], { month: 'long', year: 'numeric' });
	return text.charAt(0).toUpperCase() + text.slice(1);
}

function beside(month, step) {
	const parts = month.split('-').map(Number), at = parts[0] * 12 + parts[1] - 1 + step;
	return String(Math.floor(at / 12)) + '-' + ('0' + (at % 12 + 1)).slice(-2);
}

function fetch() {
	return node.all([ node.ask('books', shown), node.ask('plans'), node.ask('status') ]).then(reply => reply.trouble ? reply : {
		data: Object.assign({ community: reply.data[2].community, time: reply.data[2].time, alerts: reply.data[2].alerts }, reply.data[0], { plans_sold: reply.data[0].plans, plans: reply.data[1].plans })
	});
}

/* What waits, in a sentence. */
function sentence(books, one) {
	const money = format.money(one.amount, books.minor_units, books.currency);
	switch (one.kind) {
	case 'settlement': return _('%s has paid %s at %s.').format(one.person, money, one.node);
	case 'in-kind': return N_(one.amount, '%d voucher was given to %s at %s, beyond the quota of the month.', '%d vouchers were given to %s at %s, beyond the quota of the month.').format(one.amount, one.person, one.node);
	case 'revocation': return _('%s takes back a voucher that was used: %s').format(one.node, one.text);
	case 'exchange': return _('%s has exchanged a voucher that somebody had used. Was it stolen?').format(one.node);
	case 'mode': return _('%s asks for another mode of the network: %s %s').format(one.node, one.person, one.text);
	default: return one.kind;
	}
}

return view.extend({
	load: function() {
		return fetch();
	},

	render: function(loaded) {
		this.root = page.frame();
		this.show(loaded);
		return this.root;
	},

	again: function() {
		return fetch().then(reply => this.show(reply));
	},

	show: function(reply) {
		page.tell(this.root, reply.trouble || null);
		if (reply.trouble)
			return;
		const books = this.books = reply.data;
		const may = word => L.hasViewPermission() && books.may.indexOf(word) >= 0;
		this.place = E('div', { 'class': 'tq-place', 'aria-live': 'polite' });
		dom.content(page.body(this.root), [
			this.months(),
			E('div', {}, [ page.facts([
				[ _('In hand'), this.money(books.cash_cents) ],
				[ _('Before this month'), this.money(books.cash_before_cents) ],
				may('settle') ? [ _('Room to sell'), this.money(books.float_left_cents) ] : null
			]) ]),
			this.place,
			may('time_set') ? this.clock() : '',
			E('div', {}, books.waiting.map(one => this.proposal(one))),
			books.people.length ? E('div', { 'class': 'tq-grid' }, books.people.map(person => this.person(person, may))) :
				page.notice('wait', _('Nobody sold or paid anything in this month.')),
			this.plans(),
			this.deeds(may)
		]);
	},

	money: function(cents) {
		return format.money(cents, this.books.minor_units, this.books.currency);
	},

	months: function() {
		const go = (step, words) => E('button', {
			'class': 'tq-button', 'aria-label': words, 'data-step': step,
			'click': () => {
				shown = beside(this.books.month, step);
				return this.again();
			}
		}, [ step < 0 ? '‹' : '›' ]);
		return E('div', { 'class': 'tq-month' }, [
			go(-1, _('The month before')),
			E('h2', {}, [ monthName(this.books.month), this.books.closed ? E('small', {}, [ ' ' + _('closed') ]) : '' ]),
			go(1, _('The month after'))
		]);
	},

	/* A node that knows no time, or two, can have that of this device. */
	clock: function() {
		const disputed = this.books.alerts.some(alert => format.told(alert).code == 'clock-disputed');
		const unset = this.books.time.quality == 'stale';
		return !disputed && !unset ? '' : page.notice('warn', disputed ? _('Two clocks do not agree.') : _('Nobody has set the clock of this node.'), [
			E('p', {}, [ _('This device says %s.').format(format.clock(new Date())) ]),
			E('div', { 'class': 'tq-actions' }, [ E('button', {
				'class': 'tq-button', 'data-deed': 'time_set',
				'click': () => this.act(node.ask('time_set', Math.floor(Date.now() / 1000)), _('The clock is set.'))
			}, [ _('Set the clock by this device') ]) ])
		]);
	},

	/* What waits for the word of a second node. */
	proposal: function(one) {
		return page.notice('warn', sentence(this.books, one), [
			one.may_agree && L.hasViewPermission() ? E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button tq-main', 'data-agree': one.record, 'click': () => this.act(node.ask('agree', one.record), _('Agreed.')) }, [ _('Agree') ])
			]) : E('p', {}, [ _('It counts when another node agrees.') ])
		]);
	},

	person: function(person, may) {
		const row = (words, count) => count ? [ words, count ] : null;
		const money = (words, cents) => cents ? [ words, this.money(cents) ] : null;
		return E('article', { 'class': 'tq-card', 'data-person': person.person }, [
			E('div', { 'class': 'tq-card-head' }, [
				E('h3', {}, [ person.person || _('The nodes themselves') ]),
				person.owed_cents > 0 ? page.badge('weak', _('owes %s').format(this.money(person.owed_cents))) :
					page.badge('good', _('owes nothing'))
			]),
			page.facts([
				row(_('Made'), person.printed), row(_('Holds on paper'), person.held), row(_('Vouchers sold'), person.sold),
				row(_('Got in kind'), person.in_kind), row(_('Void'), person.void), row(_('Stolen'), person.stolen),
				money(_('Sold for'), person.taken_cents), money(_('Keeps'), person.seller_share_cents),
				money(_('Owed before'), person.owed_before_cents), money(_('Came to owe'), person.due_cents),
				money(_('Paid'), person.settled_cents), money(_('Spent'), person.expenses_cents),
				money(_('Brought in'), person.contributions_cents)
			]),
			may('settle') && person.owed_here_cents > 0 && person.person ? E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button', 'data-settle': '', 'click': () => this.form(_('%s pays').format(person.person), [
					{ name: 'amount', words: _('How much'), value: format.number(person.owed_here_cents / Math.pow(10, this.books.minor_units), this.books.minor_units) }
				], values => node.ask('settle', person.person, values.amount, key), _('Written down. It counts when a treasurer\'s node agrees.')) }, [ _('Pays') ])
			]) : ''
		]);
	},

	/* What the month brought by plan: which of them people buy, and use. */
	plans: function() {
		const rows = this.books.plans_sold.filter(row => row.printed || row.sold || row.activated || row.in_kind || row.void);
		return !rows.length ? '' : E('section', { 'class': 'tq-card' }, [
			E('h3', {}, [ _('By plan') ]),
			E('div', { 'class': 'tq-grid' }, rows.map(row => {
				const plan = this.books.plans.find(candidate => candidate.id == row.plan);
				const count = (words, number) => number ? [ words, number ] : null;
				return E('div', { 'data-plan': row.plan }, [ E('h4', {}, [ plan ? plan.name : row.plan ]), page.facts([
					count(_('Made'), row.printed), count(_('Vouchers sold'), row.sold), count(_('Vouchers used'), row.activated),
					count(_('Got in kind'), row.in_kind), count(_('Void'), row.void),
					row.taken_cents ? [ _('Sold for'), this.money(row.taken_cents) ] : null
				]) ]);
			}))
		]);
	},

	/* What else may be done here. */
	deeds: function(may) {
		const plan = { name: 'plan', words: _('Plan'), choices: this.books.plans.filter(plan => plan.sold_here !== false).map(plan => [ plan.id, plan.name ]) };
		const count = { name: 'count', words: _('How many'), value: '1' };
		const who = { name: 'person', words: _('For whom') };
		const amount = { name: 'amount', words: _('How much') }, what = { name: 'what', words: _('What for') };
		const number = text => Number(text) || 0;
		const rows = [
			[ 'voucher_exchange', _('Exchange a voucher'), [ { name: 'code', words: _('Code on the paper') } ],
				values => node.ask('voucher_exchange', values.code), _('The new code. The old one is worthless now.') ],
			[ 'voucher_print', _('Print paper'), [ plan, count, who ],
				values => node.patiently(() => node.ask('voucher_print', values.plan, number(values.count), values.person, key)),
				_('Print these codes, or write them down. They are shown here and nowhere else.') ],
			[ 'voucher_give', _('Give in kind'), [ plan, count, who,
				{ name: 'reason', words: _('What for'), choices: [ [ 'work', _('work for the village') ], [ 'caretaker', _('a month of taking care') ], [ 'school', _('the school') ] ] } ],
				values => node.patiently(() => node.ask('voucher_give', values.plan, number(values.count), values.person, values.reason, 0, key)), _('Given. These are the codes.') ],
			[ 'expense', _('Money spent'), [ amount, what ],
				values => node.ask('expense', values.amount, values.what, key), _('Written down.') ],
			[ 'contribute', _('Money got'), [ amount, what ],
				values => node.ask('contribute', values.amount, values.what, key), _('Written down.') ],
			[ 'voucher_extend', _('Make a voucher longer'), [ { name: 'code', words: _('Code on the paper') },
				{ name: 'hours', words: _('Hours'), value: '1' }, { name: 'days', words: _('Days'), value: '0' },
				{ name: 'data', words: _('MB, of a plan that counts them'), value: '0' }, what ],
				values => node.ask('voucher_extend', values.code, Math.round(3600 * number(values.hours)), number(values.days), number(values.data), values.what, key), _('Written down.') ],
			[ 'voucher_honour', _('Paper of a lost router'), [ { name: 'code', words: _('Code on the paper') }, plan, what ],
				values => node.ask('voucher_honour', values.code, values.plan, values.what, key), _('The voucher is good now.') ],
			[ 'plan_set', _('A plan'), [ { name: 'id', words: _('Short name, like hora') }, { name: 'name', words: _('Name') },
				{ name: 'price', words: _('Price') }, { name: 'seller_share', words: _('Of it the seller keeps'), value: '0' },
				{ name: 'shares', words: _('Of it others get, like school=0.15') },
				{ name: 'hours', words: _('Hours of use (none: days only)') }, { name: 'days', words: _('Days from the first use (none: no end)') },
				{ name: 'data', words: _('MB (none: as many as fit)') }, { name: 'devices', words: _('Devices'), value: '1' },
				{ name: 'down', words: _('Fastest to the phone, kbit/s (none: no limit)') }, { name: 'up', words: _('Fastest from the phone, kbit/s (none: no limit)') },
				{ name: 'sellers', words: _('Sold only at these nodes (none: at all)') } ],
				values => node.ask('plan_set', values.id, values.name, values.price, values.seller_share, values.shares, Math.round(3600 * number(values.hours)),
					number(values.days), number(values.data), number(values.devices), '', number(values.down), number(values.up), values.sellers, key),
				_('Written down. It is on sale as soon as the nodes hear of it; paper that is printed already stays what it was.') ],
			[ 'person_set', _('A person'), [ { name: 'person', words: _('Name') },
				{ name: 'role', words: _('May'), choices: [ [ 'caretaker', _('sell') ], [ 'admin', _('everything') ], [ 'viewer', _('look') ], [ 'none', _('nothing any more') ] ] },
				{ name: 'node', words: _('At which node') }, { name: 'passphrase', words: _('Passphrase'), kind: 'password' } ],
				values => node.ask('person_set', values.person, values.role, values.node, values.passphrase, key), _('Written down. Her node lets her in within a minute.') ]
		].filter(row => may(row[0]));
		if (!rows.length && !may('books_close'))
			return '';
		return E('section', { 'class': 'tq-card' }, [
			E('h3', {}, [ _('At this node') ]),
			E('div', { 'class': 'tq-actions' }, rows.map(row => E('button', {
				'class': 'tq-button', 'data-deed': row[0], 'click': () => this.form(row[1], row[2], row[3], row[4])
			}, [ row[1] ])).concat(may('books_close') && !this.books.closed ? E('button', {
				'class': 'tq-button', 'data-deed': 'books_close', 'click': () => this.close()
			}, [ _('Close the month') ]) : []))
		]);
	},

	close: function() {
		return page.confirm(_('Close %s?').format(monthName(this.books.month)),
			_('What the month brought is fixed. What becomes known later stands in the next month. This cannot be undone.'),
			_('Close the month'), () => this.act(node.ask('books_close', this.books.month), _('The month is closed.')));
	},

	/* A form on top; one form is one deed, however often it is sent. */
	form: function(title, fields, ask, done) {
		key = node.key();
		page.form(this.place, title, fields, values => this.act(ask(values), done, this.books.plans.find(plan => plan.id == values.plan)));
	},

	/* Codes of a plan, and a button that prints them. */
	codes: function(vouchers, plan) {
		const codes = vouchers.map(voucher => voucher.code);
		return [
			E('ul', { 'class': 'tq-list tq-codes' }, codes.map(code => E('li', {}, [ E('code', {}, [ format.groups(code).join('-') ]) ]))),
			plan ? E('div', { 'class': 'tq-actions' }, [
				E('button', { 'class': 'tq-button tq-main', 'data-print': '', 'click': () => paper.show(this.books.community, plan, codes) }, [ _('Print') ])
			]) : ''
		];
	},

	/* Says what came of it; after that the accounts are looked at again. */
	act: function(asked, done, plan) {
		return asked.then(reply => {
			if (reply.trouble)
				return page.tell(this.root, { kind: 'refused', text: reply.trouble.text });
			key = node.key();
			return this.again().then(() => dom.content(this.place, [
				page.notice('good', reply.data.waits ? done + ' ' + _('It counts when another node agrees.') : done,
					reply.data.vouchers ? this.codes(reply.data.vouchers, plan) : [])
			]));
		});
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
