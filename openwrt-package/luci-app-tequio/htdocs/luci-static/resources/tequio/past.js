'use strict';
'require baseclass';
'require dom';
'require tequio.chart as chart';
'require tequio.format as format';
'require tequio.node as node';
'require tequio.page as page';

/* What a link was like: a line for each figure, over an hour, two days or sixty days. */

const COLUMNS = 'signal_dbm,snr_db,quality_percent,throughput_kbit';

/* Of a closed radio our signs of life through it tell all that is known, unless a script reads its signal. */
const BRIDGE = 'signal_dbm,quality_percent,failed_percent,round_trip_ms,cost';

/* How far back, as the node calls it, and in words. */
const RANGES = [
	[ 'seconds', () => _('1 hour') ],
	[ 'minutes', () => _('2 days') ],
	[ 'hours', () => _('60 days') ]
];

/* Of each figure: its words, unit, what it is divided by, and how far apart the bounds are at least. */
const SHOWN = [
	{ name: 'signal_dbm', words: () => _('Signal'), unit: 'dBm', by: 1, least: 12 },
	{ name: 'snr_db', words: () => _('Above the noise'), unit: 'dB', by: 1, least: 12, from: 0 },
	{ name: 'quality_percent', words: () => _('Quality'), unit: '%', by: 1, least: 40, from: 0, to: 100 },
	{ name: 'throughput_kbit', words: () => _('Expected rate'), unit: 'Mbit/s', by: 1000, least: 4, from: 0 },
	{ name: 'failed_percent', words: () => _('Lost'), unit: '%', by: 1, least: 20, from: 0, to: 100 },
	{ name: 'round_trip_ms', words: () => _('There and back'), unit: 'ms', by: 1, least: 20, from: 0 },
	{ name: 'cost', words: () => _('Cost'), unit: '', by: 1, least: 100, from: 0 }
];

function drawing(model, shown, ago) {
	const text = (x, y, words, anchor) => page.svg('text', { x: x, y: y, 'text-anchor': anchor, 'class': 'tq-chart-word' }, [ words ]);
	const level = (value, y) => [
		page.svg('line', { x1: model.left, x2: model.right, y1: y, y2: y, 'class': 'tq-chart-grid' }),
		text(model.left - 6, y + 5, String(value), 'end')
	];
	return page.svg('svg', { 'class': 'tq-chart', 'viewBox': '0 0 ' + model.width + ' ' + model.height, 'role': 'img', 'aria-label': shown.words() },
		level(model.high, model.top).concat(level(model.low, model.bottom),
			model.plan == null ? [] : [ page.svg('line', { x1: model.left, x2: model.right, y1: model.plan, y2: model.plan, 'class': 'tq-chart-plan' }) ],
			model.lines.map(line => page.svg('path', { d: line, 'class': 'tq-chart-line' })),
			model.dots.map(dot => page.svg('circle', { cx: dot[0], cy: dot[1], r: 2, 'class': 'tq-chart-dot' })),
			[ text(model.left, model.height - 4, _('%s ago').format(format.duration(ago)), 'start'), text(model.right, model.height - 4, _('now'), 'end') ]));
}

/* One figure: what it is now, what was planned, and its line. */
function figure(shown, past) {
	const scaled = value => value == null ? null : value / shown.by;
	const values = chart.figures((past.columns || {})[shown.name] || '').map(scaled), planned = scaled((past.planned || {})[shown.name]);
	const model = chart.model(values, Object.assign({ planned: planned }, shown));
	const last = values.filter(value => value != null).pop();
	const say = value => format.number(value, shown.by > 1 && Math.abs(value) < 10 ? 1 : 0) + ' ' + shown.unit;
	return E('section', { 'class': 'tq-past', 'data-figure': shown.name }, [
		E('div', { 'class': 'tq-card-head' }, [ E('h4', {}, [ shown.words() ]), E('strong', {}, [ last == null ? '–' : say(last) ]) ]),
		model ? drawing(model, shown, values.length * past.step_s) : E('p', { 'class': 'tq-hint' }, [ _('Nothing is known yet.') ]),
		planned == null || !model ? '' : E('p', { 'class': 'tq-hint tq-planned' }, [ _('Planned: %s').format(say(planned)) ])
	]);
}

/* Of a closed radio a figure is shown if anybody knows it. */
function isKnown(shown, past) {
	return shown.name != 'signal_dbm' || /[0-9]/.test((past.columns || {})[shown.name] || '');
}

return baseclass.extend({
	/* The charts of a link, in a place of their own; `address` names it, `kind` is that of its device. */
	show: function(root, address, kind) {
		const columns = kind == 'bridge' ? BRIDGE : COLUMNS;
		const place = E('div', { 'class': 'tq-pasts', 'aria-live': 'polite' }), buttons = RANGES.map(range => E('button', {
			'class': 'tq-button', 'data-range': range[0], 'click': () => look(range[0])
		}, [ range[1]() ]));
		const look = resolution => {
			buttons.forEach(button => button.setAttribute('aria-pressed', String(button.getAttribute('data-range') == resolution)));
			return node.ask('link_history', address, resolution, columns).then(reply => {
				page.tell(root, reply.trouble || null);
				if (!reply.trouble)
					dom.content(place, SHOWN.filter(shown => columns.split(',').includes(shown.name) && (kind != 'bridge' || isKnown(shown, reply.data)))
						.map(shown => figure(shown, reply.data)));
			});
		};
		look('seconds');
		return E('div', {}, [ E('div', { 'class': 'tq-actions tq-ranges' }, buttons), place ]);
	}
});
