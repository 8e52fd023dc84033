// Excerpts below the results of the search, out of excerpts.js: nothing is fetched.
const LENGTH = 240;

const wordsOf = () =>
  (new URLSearchParams(location.search).get('q') || '').toLowerCase().split(/\s+/).filter(Boolean);

const textOf = (page, anchor) => {
  const sections = EXCERPTS[page] || [];
  const own = anchor && sections.find(([id]) => id === anchor);
  if (own && own[1]) return own[1];
  const words = wordsOf();
  const hit = sections.find(([, text]) => words.some(word => text.toLowerCase().includes(word)));
  return (hit || sections[0] || ['', ''])[1];
};

const excerpt = (text, words) => {
  const places = words.map(word => text.toLowerCase().indexOf(word)).filter(at => at >= 0);
  const middle = places.length ? Math.min(...places) : 0;
  const start = middle < LENGTH / 2 ? 0 : text.indexOf(' ', middle - LENGTH / 2) + 1;
  const end = Math.min(text.length, start + LENGTH);
  return (start ? '… ' : '') + text.slice(start, end).trim() + (end < text.length ? ' …' : '');
};

const marked = (text, words) => {
  const out = document.createDocumentFragment();
  const known = words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  for (const piece of text.split(new RegExp(`(${known.join('|')})`, 'i'))) {
    const mark = document.createElement('mark');
    mark.textContent = piece;
    out.append(words.includes(piece.toLowerCase()) ? mark : piece);
  }
  return out;
};

const complete = item => {
  const link = item.querySelector('a');
  if (!link || item.querySelector('p.context')) return;
  const root = new URL(document.documentElement.dataset.content_root || './', location.href);
  const [path, anchor] = link.href.slice(root.href.length).split('#');
  const text = textOf(path.split('?')[0].replace(/\.html$/, ''), anchor);
  if (!text) return;
  const paragraph = document.createElement('p');
  paragraph.className = 'context';
  paragraph.append(marked(excerpt(text, wordsOf()), wordsOf()));
  item.append(paragraph);
};

new MutationObserver(() => document.querySelectorAll('ul.search > li').forEach(complete))
  .observe(document.documentElement, {childList: true, subtree: true});
