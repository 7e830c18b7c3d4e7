/** What the prompts are made of: small talk, look-ups, code, mathematics and reasoning, as callers mix them. */
const OPENINGS = [
  'What is the capital of Portugal, and how many people live there?',
  'Write a TypeScript function that merges two sorted arrays without copying either of them.',
  'Hello! How are you today?',
  'Prove that there are infinitely many primes of the form 4k + 3.',
  'Summarise the following text in two sentences for a newsletter.',
  'Translate this paragraph to German and keep the product names as they are.',
  'A train leaves at 9:40 and takes 2 hours 35 minutes. When does it arrive?',
  'Explain step by step why this SQL query is slow, and how to rewrite it.',
] as const;
const SENTENCES = [
  'The customer wrote on Monday that the delivery came two days late and that one of the three boxes was open.',
  'We keep the results in a table with an index on the date, but the planner reads all rows of the last quarter.',
  'It rained for most of the afternoon, so the children stayed inside and built a bridge of wooden blocks.',
  'If the first request fails, the client waits a little longer each time and gives up after the fifth attempt.',
  'Let f be a continuous function on a closed interval whose values at both ends have different signs.',
  'Our offices are in Lisbon, Bergen and Graz, and the team meets every second Thursday at ten.',
  'for (const item of list) { if (seen.has(item.id)) continue; seen.add(item.id); result.push(item); }',
  'Please answer in short paragraphs, name your assumptions and say what you are not sure about.',
] as const;

const SHORTEST = 60;
const LONGEST = 2_500;
const COUNT = 16;

function promptOf(n: number): string {
  const length = Math.round(SHORTEST + ((LONGEST - SHORTEST) * n) / (COUNT - 1));
  let text: string = OPENINGS[n % OPENINGS.length]!;
  for (let k = n; text.length < length; k += 3) text += ` ${SENTENCES[k % SENTENCES.length]!}`;
  return text.slice(0, length);
}

/** 16 different prompts of 60 to 2,500 characters, in even steps. */
export const PROMPTS: readonly string[] = Array.from({ length: COUNT }, (_, n) => promptOf(n));

/** A document of 32 kB. */
export const LONG_PROMPT = `${OPENINGS[4]} ${`${SENTENCES.join(' ')} `.repeat(50)}`.slice(0, 32_768);
