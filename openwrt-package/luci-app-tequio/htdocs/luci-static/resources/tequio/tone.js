'use strict';
'require baseclass';

/*
 * A tone for whoever looks at the dish and not at the phone: the less is missing, the higher it is and the quicker it
 * comes; without a break when nothing is missing; silent when nobody is heard.
 */

let context = null, timer = null, lacks = null;

/* {hertz, each_ms}: how high, and how long from one to the next; null: silence. */
function shape(missing) {
	if (missing == null)
		return null;
	const few = Math.max(0, Math.min(30, missing));
	return { hertz: Math.round(1200 * Math.pow(2, -few / 12)), each_ms: few <= 1 ? 120 : Math.round(150 + few * 40) };
}

function beep() {
	const now = shape(lacks);
	if (!context)
		return;
	if (now) {
		const oscillator = context.createOscillator(), gain = context.createGain(), at = context.currentTime;
		oscillator.frequency.value = now.hertz;
		/* Ends softly: a tone that is cut off clicks. */
		gain.gain.setValueAtTime(0.3, at);
		gain.gain.exponentialRampToValueAtTime(0.001, at + 0.1);
		oscillator.connect(gain);
		gain.connect(context.destination);
		oscillator.start(at);
		oscillator.stop(at + 0.1);
	}
	timer = setTimeout(beep, now ? now.each_ms : 500);
}

return baseclass.extend({
	shape: shape,

	/* To be called by a touch; browsers allow no sound before. */
	start: function() {
		const made = window.AudioContext || window.webkitAudioContext;
		if (context || !made)
			return;
		context = new made();
		beep();
	},

	/* How many dB are missing, or null. */
	say: function(missing) {
		lacks = missing;
	},

	stop: function() {
		clearTimeout(timer);
		lacks = null;
		if (context)
			context.close();
		context = null;
	}
});
