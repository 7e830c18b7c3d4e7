/** What a category is called for a person, where its own name does not say it. */
const LABELS: Readonly<Record<string, string>> = {
  gsm8k: 'multi-step arithmetic',
  math: 'competition mathematics',
  mbpp: 'a small programming task',
  human_eval: 'a programming task',
  commongen: 'a text from given words',
  logicgrid: 'a logic puzzle',
  trivia_qa: 'a trivia question',
  commonsense_qa: 'an everyday question',
  openbook_qa: 'an elementary science question',
  mmlu: 'an exam question',
  moral_scenarios: 'a moral judgement',
  moral_disputes: 'a moral dispute',
  global_facts: 'a question of figures about the world',
  miscellaneous: 'a general-knowledge question',
  other: 'a general-knowledge question',
};

/** Completes "looks like ...": `high_school_physics` -> "a question of high school physics". */
export const labelOf = (category: string): string =>
  LABELS[category] ?? `a question of ${category.replaceAll('_', ' ')}`;
