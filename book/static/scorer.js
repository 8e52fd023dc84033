// What comes first in the search: Sphinx counts a word once a page, this counts how often a page has it.
// Names of the API and words of the glossary come after pages that speak of them. `Search` and `EXCERPTS` are there when the first query is answered.
const timesIn = (page, word) => {
  if (!timesIn.text) timesIn.text = {};
  timesIn.text[page] ??= (EXCERPTS[page] || []).map(([, words]) => words).join(' ').toLowerCase();
  return timesIn.text[page].split(word).length - 1;
};

const [ENTRY, PAGE] = [8, 25]; // at most, before the words on a page are counted

var Scorer = {
  score: ([page, title, anchor, description, score]) => {
    const entry = description || /^#(term|index)-/.test(anchor || ''); // a name of the API, a word of the glossary
    if (entry) return Math.min(score, ENTRY);
    const query = new URLSearchParams(location.search).get('q') || '';
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return Math.min(score, PAGE) + words.reduce((sum, word) => sum + 4 * Math.log2(1 + timesIn(page, word)), 0);
  },
  objNameMatch: 2,
  objPartialMatch: 1,
  objPrio: {0: 0, 1: 0, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
