'use strict';
'require baseclass';

/* Pictures of services, as the node knows them (src/node/services.rs): letters that phones have by themselves. */
const PICTURES = {
	book: '📖', school: '🏫', clinic: '🏥', radio: '📻', film: '🎬', music: '🎵', map: '🗺', chat: '💬', phone: '📞',
	market: '🧺', weather: '🌦', news: '📰', game: '🎲', farm: '🌽', church: '⛪'
};

function words(name) {
	switch (name) {
	case 'book': return _('book');
	case 'school': return _('school');
	case 'clinic': return _('clinic');
	case 'radio': return _('radio');
	case 'film': return _('film');
	case 'music': return _('music');
	case 'map': return _('map');
	case 'chat': return _('talk');
	case 'phone': return _('telephone');
	case 'market': return _('market');
	case 'weather': return _('weather');
	case 'news': return _('news');
	case 'game': return _('games');
	case 'farm': return _('field');
	case 'church': return _('church');
	default: return name;
	}
}

return baseclass.extend({
	all: PICTURES,

	/* The picture of that name, or nothing. */
	of: function(name) {
		return Object.keys(PICTURES).indexOf(name) < 0 ? '' : PICTURES[name];
	},

	/* What can be chosen: no picture, or one with its word. */
	choices: function() {
		return [ [ '', _('none') ] ].concat(Object.keys(PICTURES).map(name => [ name, PICTURES[name] + ' ' + words(name) ]));
	}
});
