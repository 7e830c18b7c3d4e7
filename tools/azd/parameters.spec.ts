import { readFileSync } from 'node:fs';
import { ingredientsOf, NOT_OF_THE_REVISION, OF_THE_REVISION } from './parameters.mjs';

it('of every parameter of the template it is known whether a revision is named after it', () => {
  const declared = [...readFileSync('infra/main.bicep', 'utf8').matchAll(/^param (\w+)/gm)].map(([, name]) => name!);
  expect(declared.length).toBeGreaterThan(0);
  expect([...OF_THE_REVISION, ...NOT_OF_THE_REVISION].toSorted()).toEqual(declared.toSorted());
});

it('what differs between two runs of one release makes no new revision; what reaches the container does', () => {
  const values = { cpu: '1.0', apiAudience: 'a', budgetContacts: ['a@example.com'] };
  const around = { budgetStartDate: '2026-12-01', gatewayPublicAccess: true, budgetContacts: ['b@example.com'] };
  expect(ingredientsOf('image', { ...values, ...around })).toEqual(ingredientsOf('image', values));
  expect(ingredientsOf('image:2', values)).not.toEqual(ingredientsOf('image', values));
  expect(ingredientsOf('image', { ...values, cpu: '0.5' })).not.toEqual(ingredientsOf('image', values));
});
