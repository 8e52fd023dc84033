// What is wrong with the open page at its present width and theme, for tests/browser.py: lists of words.
(() => {
  const shown = element => element.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const called = element => element.tagName.toLowerCase() + (element.id ? `#${element.id}` : '')
    + [...element.classList].slice(0, 2).map(name => `.${name}`).join('');

  const channels = colour => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return {rgb: colour.startsWith('color(srgb') ? [r, g, b].map(x => 255 * x) : [r, g, b], a};
  };
  const over = (top, below) => top.rgb.map((x, i) => x * top.a + below[i] * (1 - top.a));
  const dark = document.documentElement.dataset.theme === 'dark';
  const known = new Map([[null, dark ? [0, 0, 0] : [255, 255, 255]]]);
  const ground = element => {
    if (!known.has(element)) {
      const style = getComputedStyle(element);
      const below = ground(element.parentElement);
      const drawn = style.backgroundImage !== 'none';
      known.set(element, drawn || !below ? null : over(channels(style.backgroundColor), below));
    }
    return known.get(element);
  };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(x => x / 255).map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const contrast = element => {
    const below = ground(element);
    if (!below) return 21;
    const [a, b] = [luminance(over(channels(getComputedStyle(element).color), below)), luminance(below)];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  };

  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const parents = new Set();
  while (words.nextNode()) {
    if (/[\p{L}\p{N}]/u.test(words.currentNode.data)) parents.add(words.currentNode.parentElement);
  }
  const unreadable = [...parents]
    .filter(e => !e.closest('script, style, noscript, svg, title, mjx-assistive-mml, [aria-hidden=true]') && shown(e))
    .map(e => [contrast(e), e])
    .filter(([ratio]) => ratio < 4.5)
    .map(([ratio, e]) => `${ratio.toFixed(2)} ${called(e)} in ${called(e.parentElement)}: ${e.textContent.trim().slice(0, 30)}`);

  const stops = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
    .filter(e => e.tabIndex >= 0 && shown(e));
  const name = e => e.textContent.trim() || e.ariaLabel || e.title || e.placeholder || e.labels?.[0]?.textContent
    || e.getAttribute('aria-labelledby') || e.querySelector('img[alt], svg title');
  const wide = document.documentElement.scrollWidth > innerWidth + 1
    ? [...document.querySelectorAll('main *')].filter(e => shown(e) && e.getBoundingClientRect().right > innerWidth + 1)
      .slice(0, 3).map(called) : [];
  const links = [...document.querySelectorAll('a, h1, h2, h3, h4, title')].map(e => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll('mjx-container, code, script').forEach(part => part.remove());
    return copy.textContent;
  });
  return JSON.stringify({
    unreadable, wide,
    formulas: stops.filter(e => e.closest('mjx-container')).length,
    unnamed: stops.filter(e => !e.closest('mjx-container') && !['A', 'PRE', 'TABLE', 'DIV'].includes(e.tagName) && !name(e)).map(called),
    latex: links.filter(words => /\\[A-Za-z(]|\$[^$]+\$/.test(words)),
    stops: stops.length,
  });
})()
