"""The page at /: a playground over this server's own routes. Static files, no build step, nothing from any other host.

index.html    what there is to see
page.css      how it looks
app.js        its tabs; a script for each part: play.js, constraint.js, programs.js, tree.js, metrics.js
api.js        the routes as functions; dom.js: what every part needs
routes.py     serves them, with a Content-Security-Policy that allows this server alone
"""
