/** Changes of a prompt that leave its meaning; a routing decision should not notice them. */
export const PERTURBATIONS = {
  prefix: (text: string) => `Hi! Could you please help me with this question? ${text}`,
  suffix: (text: string) => `${text}\n\nThank you very much for your help!`,
  typos: (text: string, random: () => number) => withTypos(text, random),
  'lower case': (text: string) => text.toLowerCase(),
  'upper case': (text: string) => text.toUpperCase(),
  spaces: (text: string, random: () => number) =>
    text.replace(/\s/g, (space) => (random() < 0.3 ? `${space}  ` : random() < 0.1 ? '\n' : space)),
} as const;
export type Perturbation = keyof typeof PERTURBATIONS;

const TYPO_RATE = 0.02;

/** Swaps, drops or doubles about one letter of fifty. */
function withTypos(text: string, random: () => number): string {
  let result = '';
  for (let i = 0; i < text.length; i += 1) {
    const here = text[i]!;
    const next = text[i + 1];
    if (!/[a-z]/i.test(here) || random() >= TYPO_RATE) {
      result += here;
      continue;
    }
    const kind = random();
    if (kind < 0.4 && next && /[a-z]/i.test(next)) {
      result += next + here;
      i += 1;
    } else if (kind < 0.7) result += here + here;
  }
  return result;
}

/** One of the changes by chance, for training. */
export function perturbed(text: string, random: () => number): string {
  const kinds = Object.values(PERTURBATIONS);
  return withTypos(kinds[Math.floor(random() * kinds.length)]!(text, random), random);
}
