import { panelPicture } from './panel-picture.js';
import { pageOf } from './picture-page.js';

const line = (name: string, ...values: number[]) => ({
  name,
  points: values.map((value, i) => [i * 60, value] as const),
});

describe('the picture of a panel', () => {
  it('has its title, its lines by name and values in their unit', () => {
    const svg = panelPicture('Error rate', [line('errors', 0, 0.1, 0.05)], { unit: 'percentunit' }, 120);
    for (const text of ['Error rate', 'errors', '0 %', '9 %', '2 min']) expect(svg).toContain(`>${text}</text>`);
    expect(svg).not.toContain('nothing of the kind');
  });

  it('shows words for values that have them', () => {
    const texts = { '0': { text: 'closed' }, '2': { text: 'open' } };
    const svg = panelPicture('Breaker', [line('a', 0, 2)], { max: 3, mappings: [{ options: texts }] }, 60);
    expect(svg).toContain('>open</text>');
  });

  it('says that there is nothing, and how many lines are left out', () => {
    expect(panelPicture('Fallbacks', [], {}, 60)).toContain('nothing of the kind happened');
    const many = Array.from({ length: 12 }, (_, i) => line(`target ${i}`, i, i));
    const svg = panelPicture('Calls', many, {}, 60);
    expect(svg).toContain('Calls (8 of 12)');
    expect(svg).toContain('>target 11</text>');
    expect(svg).not.toContain('>target 1</text>');
  });

  it('stacks a line that begins later on the others', () => {
    const late = { name: 'late', points: [[60, 1] as const] };
    const height = (all: readonly ReturnType<typeof line>[]) =>
      [
        ...panelPicture('x', all, { custom: { stacking: {} } }, 60).matchAll(/ d="(M[^"]+)" [^>]*stroke-width="1.2"/g),
      ].map(([, path]) => path);
    expect(height([line('early', 2, 2), late])).toEqual(height([line('early', 2, 2), line('late', 0, 1)]));
    expect(height([line('early', 2, 2), late])).toHaveLength(2);
  });

  it('stands beside two others on the page', () => {
    const panel = panelPicture('Calls', [line('a', 1)], {}, 60);
    const page = pageOf('All', [{ row: 'First' }, { panel }, { panel }, { panel }, { panel }]);
    expect([...page.matchAll(/<svg x="(\d+)" y="(\d+)"/g)].map(([, x, y]) => `${x},${y}`)).toEqual([
      ...['8,74', '436,74', '864,74'],
      '8,292',
    ]);
  });
});
