// What the theme's pages lack for readers by keyboard and ear: names.
const named = () => {
  document.querySelectorAll('.copybtn').forEach(button => {
    button.setAttribute('aria-label', 'Copy this code');
  });
  document.querySelectorAll('.bd-links summary').forEach(fold => {
    const page = fold.closest('li').querySelector('a');
    fold.setAttribute('aria-label', `Pages below: ${page.textContent.trim()}`);
  });
  document.querySelectorAll('a.headerlink').forEach(link => {
    const heading = link.parentElement.cloneNode(true);
    heading.querySelectorAll('a.headerlink, script').forEach(part => part.remove());
    link.setAttribute('aria-label', `Link to: ${heading.textContent.trim()}`);
  });
};

if (document.readyState === 'loading') addEventListener('DOMContentLoaded', named);
else named();
