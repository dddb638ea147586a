/* Starts the page: environment, translations, the view that the menu names. */
'use strict';

L.env = JSON.parse(document.body.dataset.env);

document.getElementById('host-node').addEventListener('change', event => {
	location.search = '?node=' + encodeURIComponent(event.target.value);
});

const active = document.querySelector('.host-head .active');
if (active)
	active.parentNode.parentNode.scrollLeft = active.offsetLeft - 40;

fetch('/translations?lang=' + L.env.lang).then(response => response.json()).then(words => {
	translations = words;
	return load('view.' + L.env.nodespec.action.path.replace(/\//g, '.'));
}).then(() => poll.start()).catch(error => {
	console.error(error);
	ui.addNotification('Error', [ E('p', {}, [ String(error.message || error) ]) ]);
});
