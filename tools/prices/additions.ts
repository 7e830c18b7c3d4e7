import type { ListedModels } from '../../src/common/prices/price-lists.js';

/**
 * Models that the package does not have yet, by provider, behind its own rows. A spec tells when it has one.
 *
 * @see https://developers.openai.com/api/docs/models (23 Nov 2026; what it says of long prompts: up to twice as much)
 */
export const ADDITIONS: Readonly<Record<string, readonly ListedModels[]>> = {
  openai: [
    [
      'gpt-6.1-sol /^gpt-6\\.1-sol-\\d{4}-\\d{2}-\\d{2}$/',
      { input: 2, output: 10, tiers: [{ above: 272_000, input: 4, output: 20 }] },
    ],
  ],
};
