'use strict';
'require baseclass';
'require tequio.format as format';
'require tequio.qr as qr';

/*
 * Coupons on paper: what a sheet of A4 or a strip of 58 mm will look like, over the whole page, with a button that prints
 * it and nothing else. The codes are in the browser already: nobody is asked for them again, and closing forgets them.
 */

/* A sheet has 24 coupons of 66 x 35 mm; of a strip 48 mm can be printed on, and each coupon is a page of it, where printers cut. */
const PAPERS = {
	a4: '@page { size: A4; margin: 8mm 6mm; }',
	strip: '@page { size: 58mm 68mm; margin: 0 5mm; }'
};

function coupon(community, plan, code) {
	const groups = format.groups(code).join('-');
	return E('div', { 'class': 'tq-coupon' }, [
		qr.draw(format.address(code), groups),
		E('p', {}, [ E('strong', {}, [ community ]), E('br'), plan.name, ' · ', format.money(plan.price_cents, plan.minor_units, plan.currency) ]),
		E('p', { 'class': 'tq-coupon-code' }, [ groups ]),
		E('small', {}, [ format.holds(plan), E('br'), _('Join the Wi-Fi, open any page that begins with http:// or scan') ])
	]);
}

return baseclass.extend({
	/* Shows them over the page. */
	show: function(community, plan, codes) {
		const size = E('style', {}, [ PAPERS.a4 ]);
		const sheet = E('div', { 'class': 'tq-sheet tq-a4' }, codes.map(code => coupon(community, plan, code)));
		const choose = name => {
			size.textContent = PAPERS[name];
			sheet.className = 'tq-sheet tq-' + name;
			bar.querySelectorAll('[data-paper]').forEach(button => button.setAttribute('aria-pressed', String(button.getAttribute('data-paper') == name)));
		};
		const close = () => {
			document.removeEventListener('keydown', escape);
			document.body.classList.remove('tq-printing');
			over.remove();
		};
		const escape = event => event.key == 'Escape' ? close() : null;
		const button = (words, attributes, act) => E('button', Object.assign({ 'class': 'tq-button', 'type': 'button', 'click': act }, attributes), [ words ]);
		const bar = E('div', { 'class': 'tq-actions' }, [
			button(_('Print'), { 'class': 'tq-button tq-main' }, () => window.print()),
			button(_('Sheet of A4'), { 'data-paper': 'a4', 'aria-pressed': 'true' }, () => choose('a4')),
			button(_('Strip of 58 mm'), { 'data-paper': 'strip', 'aria-pressed': 'false' }, () => choose('strip')),
			button(_('Back'), {}, close)
		]);
		const over = E('div', { 'class': 'tq tq-paper', 'role': 'dialog', 'aria-modal': 'true', 'aria-label': _('Print') }, [ size, bar, sheet ]);
		document.addEventListener('keydown', escape);
		document.body.classList.add('tq-printing');
		document.body.appendChild(over);
		bar.querySelector('button').focus();
	}
});
