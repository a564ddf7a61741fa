'use strict';
{
  const live = document.getElementById('live');
  const filter = document.getElementById('filter');
  const status = document.getElementById('status');
  let wait = 5000;

  // Time left, second by second.
  const tick = () => {
    for (const shown of document.querySelectorAll('[data-until]')) {
      const left = Math.max(0, Math.round((shown.dataset.until - Date.now()) / 1000));
      const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
      const words = hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${seconds} s` : `${seconds} s`;
      shown.textContent = left ? `${words} left` : 'its time is up';
    }
  };

  // What has every word of the filter stays.
  const sift = () => {
    if (!filter) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of live.querySelectorAll('section')) {
      const items = [...section.querySelectorAll('li')];
      for (const item of items) {
        const text = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
      }
      const note = section.querySelector('.filtered');
      if (note) note.hidden = !items.length || items.some((item) => !item.hidden);
    }
  };

  const isInUse = () => {
    const focused = document.activeElement;
    return live.querySelector('details[open]') || (live.contains(focused) && focused.matches('button, input, select'));
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { 'If-None-Match': live.dataset.etag } });
    if (answer.redirected) location.reload();
    if (answer.status !== 200 || isInUse()) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('live');
    if (!page) return;
    const link = live.contains(document.activeElement) && document.activeElement.getAttribute('href');
    live.replaceChildren(...page.childNodes);
    live.dataset.etag = page.dataset.etag;
    if (link) live.querySelector(`[href="${CSS.escape(link)}"]`)?.focus();
    if (status) status.textContent = `Changed at ${new Date().toISOString().slice(11, 19)} UTC.`;
    sift();
  };

  const poll = async () => {
    try {
      if (!document.hidden) await refresh();
      wait = 5000;
    } catch {
      wait = Math.min(wait * 2, 60000);
    }
    setTimeout(poll, wait);
  };

  if (live) {
    tick();
    setInterval(tick, 1000);
    filter?.addEventListener('input', sift);
    setTimeout(poll, wait);
  }
}
