'use strict';
'require view';
'require dom';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';
'require tequio.paper as paper';
'require tequio.qr as qr';

/* What was sold since this page was opened, newest first. Codes are shown once and not kept by the node. */
const sold = [];

/* The key of the next sale, per plan. It changes only when a code was seen: whoever taps twice buys once. */
const keys = {};

let busy = false;

/* Only what this page shows: it is drawn anew when that changes, and never while somebody types for another reason. */
function fetch() {
	return node.all([ node.ask('plans'), node.ask('status') ]).then(reply => reply.trouble ? reply : {
		data: {
			plans: reply.data[0].plans,
			community: reply.data[1].community,
			online: reply.data[1].uplink.state == 'up',
			broken: reply.data[1].alerts.some(alert => format.told(alert).code == 'not-saved')
		}
	});
}

/* A plan may name the nodes that sell it. */
function isSoldHere(plan) {
	return plan.sold_here !== false;
}

function remember(plan, issued) {
	const voucher = issued.vouchers[0];
	if (!sold.some(sale => sale.verifier == voucher.verifier))
		sold.unshift({ plan: plan, code: voucher.code, verifier: voucher.verifier, person: issued.person, at: new Date(), state: 'sold' });
	return sold.find(sale => sale.verifier == voucher.verifier);
}

/* Why nothing can be sold, or null. */
function obstacle(shop) {
	if (!L.hasViewPermission())
		return _('Your login may look, not sell. Ask whoever administers the node.');
	if (!shop.community)
		return _('This node has not been admitted to a community yet: it cannot sell.');
	if (!shop.plans.length)
		return _('The community has no plans on sale yet.');
	if (!shop.plans.some(isSoldHere))
		return _('The community has plans, and none of them is sold at this node.');
	if (shop.broken)
		return _('This node cannot save: nothing can be sold. Internet and sessions go on. Tell an operator.');
	return null;
}

return view.extend({
	load: function() {
		return Promise.all([ fetch(), node.configuration() ]);
	},

	render: function(loaded) {
		this.root = page.frame();
		this.showing = null;
		return page.follow(this.root, loaded[0], fetch, shop => {
			this.shop = shop;
			if (!this.showing)
				this.choose();
		});
	},

	/* The plans, as large buttons. */
	choose: function() {
		this.showing = null;
		const why = obstacle(this.shop);
		this.place = E('div', { 'class': 'tq-place', 'aria-live': 'assertive' });
		dom.content(page.body(this.root), [
			why ? page.notice('warn', why) : E('p', { 'class': 'tq-lead' }, [ _('What does the person want to buy? One tap sells.') ]),
			!why && !this.shop.online ?
				page.notice('warn', _('There is no way outside just now. A voucher sold now begins to count when it is used.')) : '',
			this.place,
			E('div', { 'class': 'tq-plans' }, this.shop.plans.filter(isSoldHere).map(plan => this.planButton(plan, why != null))),
			this.earlier(),
			L.hasViewPermission() ? this.checker() : ''
		]);
	},

	planButton: function(plan, disabled) {
		return E('button', {
			'class': 'tq-plan', 'type': 'button', 'data-plan': plan.id, 'disabled': disabled || null,
			'click': () => this.sell(plan)
		}, [
			E('span', { 'class': 'tq-plan-name' }, [ plan.name ]),
			E('span', { 'class': 'tq-plan-holds' }, [ format.holds(plan) ]),
			E('span', { 'class': 'tq-plan-price' }, [ format.money(plan.price_cents, plan.minor_units, plan.currency) ])
		]);
	},

	sell: function(plan) {
		if (busy)
			return Promise.resolve();
		busy = true;
		keys[plan.id] = keys[plan.id] || node.key();
		this.root.classList.add('tq-busy');
		dom.content(this.place, page.notice('wait', _('Making the code …')));
		return this.issue(plan).then(reply => {
			busy = false;
			this.root.classList.remove('tq-busy');
			if (reply.trouble)
				return this.notSold(reply.trouble);
			delete keys[plan.id];
			this.show(remember(plan, reply.data), true);
		});
	},

	issue: function(plan) {
		return node.patiently(() => node.ask('voucher_issue', plan.id, 1, keys[plan.id]));
	},

	notSold: function(trouble) {
		const again = trouble.kind == 'far' || trouble.kind == 'away' ?
			[ E('p', {}, [ _('Tap the same plan again: within a minute that gives the same code, not a second one.') ]) ] : [];
		dom.content(this.place, page.notice('bad', trouble.text, again));
	},

	/* One voucher, large enough to be read across a counter. */
	show: function(sale, fresh) {
		this.showing = sale;
		const groups = format.groups(sale.code);
		const revoked = sale.state == 'revoked';
		const actions = E('div', { 'class': 'tq-actions' }, [
			E('button', { 'class': 'tq-button tq-main', 'click': () => this.choose() }, [ _('Next sale') ]),
			revoked ? '' : E('button', { 'class': 'tq-button', 'data-print': '', 'click': () => paper.show(this.shop.community, sale.plan, [ sale.code ]) }, [ _('Print') ]),
			revoked ? '' : E('button', { 'class': 'tq-button', 'click': () => this.revoke(sale) }, [ _('Revoke') ])
		]);
		if (fresh)
			this.rest(actions);
		dom.content(page.body(this.root), [
			E('section', { 'class': 'tq-sold' + (revoked ? ' tq-revoked' : '') }, [
				E('p', { 'class': 'tq-sold-title' }, [
					page.icon(revoked ? 'no' : 'yes'),
					revoked ? _('Revoked') : fresh ? _('Sold') : _('Sold at %s').format(format.clock(sale.at))
				]),
				E('p', { 'class': 'tq-code', 'aria-label': groups.join(' ') }, groups.map(group => E('span', {}, [ group ]))),
				E('p', { 'class': 'tq-sold-plan' }, [
					E('strong', {}, [ sale.plan.name ]), ' · ', format.holds(sale.plan), ' · ',
					format.money(sale.plan.price_cents, sale.plan.minor_units, sale.plan.currency)
				]),
				revoked ? '' : E('div', { 'class': 'tq-scan' }, [
					qr.draw(format.address(sale.code), _('QR code that opens the portal with this voucher')),
					E('p', {}, [ _('The phone joins the Wi-Fi, then its camera reads this.') ])
				]),
				node.portal() ? '' : E('p', { 'class': 'tq-hint' }, [ _('This node has no hotspot of its own: the code works at the others.') ])
			]),
			actions,
			E('p', { 'class': 'tq-hint' }, [ _('Sold by %s. The code is shown here and nowhere else: write it down or let it be photographed.').format(sale.person) ])
		]);
		this.root.scrollIntoView({ block: 'start' });
	},

	/* The second tap of a double one must not hit what has come to lie under the finger. */
	rest: function(actions) {
		actions.querySelectorAll('button').forEach(button => {
			button.disabled = true;
			window.setTimeout(() => { button.disabled = false; }, 800);
		});
	},

	revoke: function(sale) {
		return page.revoke(() => node.ask('revoke_verifier', sale.verifier, 'revoked by the seller'),
			_('%s becomes worthless, and whoever uses it is cut off. This cannot be undone.').format(format.groups(sale.code).join('-')),
			reply => {
				if (reply.trouble)
					return page.tell(this.root, { kind: 'refused', text: reply.trouble.text });
				sale.state = 'revoked';
				this.show(sale, false);
			});
	},

	/* What was sold on this page. */
	earlier: function() {
		if (!sold.length)
			return '';
		return E('section', { 'class': 'tq-card' }, [
			E('h3', {}, [ _('Sold on this page') ]),
			E('ul', { 'class': 'tq-list' }, sold.slice(0, 20).map(sale => E('li', {}, [
				E('button', { 'class': 'tq-row', 'click': () => this.show(sale, false) }, [
					E('span', {}, [ format.clock(sale.at) ]),
					E('span', {}, [ sale.plan.name ]),
					E('code', {}, [ '… ' + format.groups(sale.code).pop() ]),
					sale.state == 'revoked' ? page.badge('bad', _('revoked')) : page.badge('good', _('sold'))
				])
			])))
		]);
	},

	/* "My code does not work": what is it, and can it be taken back. */
	checker: function() {
		const input = E('input', {
			'class': 'tq-input', 'id': 'tq-check', 'type': 'text', 'autocomplete': 'off', 'autocapitalize': 'characters',
			'spellcheck': 'false', 'maxlength': '30', 'placeholder': 'XXXX-XXXX-XXXX'
		});
		const answer = E('div', { 'class': 'tq-place', 'aria-live': 'polite' });
		const check = () => {
			if (!input.value.trim())
				return input.focus();
			return node.ask('voucher_show', input.value.trim()).then(reply => {
				if (reply.trouble)
					return dom.content(answer, page.notice('bad', reply.trouble.text));
				dom.content(answer, this.found(input.value.trim(), reply.data, check));
			});
		};
		return E('section', { 'class': 'tq-card' }, [
			E('h3', {}, [ E('label', { 'for': 'tq-check' }, [ _('Check a code') ]) ]),
			E('form', { 'class': 'tq-form', 'submit': event => { event.preventDefault(); check(); } }, [
				input, E('button', { 'class': 'tq-button', 'type': 'submit' }, [ _('Check') ])
			]),
			answer
		]);
	},

	found: function(code, voucher, again) {
		const plan = this.shop.plans.find(candidate => candidate.id == voucher.plan);
		const over = voucher.state == 'revoked' || voucher.state == 'spent';
		return E('div', {}, [
			page.facts([
				[ _('State'), [ page.badge(over ? 'bad' : 'good', format.state(voucher.state)) ] ],
				[ _('Plan'), plan ? plan.name : voucher.plan ],
				[ _('Used'), plan && plan.used_s != null ?
					_('%s of %s').format(format.duration(voucher.used_s), format.duration(plan.used_s)) : format.duration(voucher.used_s) ],
				[ _('Devices'), voucher.devices ],
				voucher.person ? [ _('Sold by'), voucher.person ] : null
			]),
			over ? '' : E('button', { 'class': 'tq-button', 'click': () => page.revoke(
				() => node.ask('revoke_code', code, 'revoked by the seller'),
				_('%s becomes worthless, and whoever uses it is cut off. This cannot be undone.').format(format.groups(code).join('-')),
				reply => reply.trouble ? page.tell(this.root, { kind: 'refused', text: reply.trouble.text }) : again()
			) }, [ _('Revoke') ])
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
