import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesOf } from './alert-rules.js';
import type { Finding, InfraCheck } from './finding.js';
import { APIM, operationProblems } from './gateway-operations.js';
import { ruleProblems } from './policy-rules.js';
import { shapeProblems } from './policy-shape.js';
import { readPolicy, type PolicyElement } from './policy-xml.js';

/**
 * The policies of API Management: that the gateway takes them, as far as that can be said without it, and what this project
 * asks of them. C# expressions are looked at for brackets, quotes, named values and bodies alone.
 */
export const apimPolicies: InfraCheck = {
  name: 'API Management policies',
  run: (root) => {
    const policies = new Map<string, PolicyElement>();
    const findings: Finding[] = [];
    const files = filesOf(root, APIM, '.xml');
    for (const file of files) {
      const { root: policy, problems } = readPolicy(readFileSync(join(root, file), 'utf8'));
      const name = basename(file);
      if (policy) policies.set(name, policy);
      const wrong = policy
        ? [...shapeProblems(name, policy), ...ruleProblems(name, policy)]
        : problems.map((one) => ({
            ...one,
            cure: 'Write XML: & is &amp;, < is &lt;, values of expressions in single quotes.',
          }));
      findings.push(...wrong.map((one) => ({ file, ...one })));
    }
    // a file that cannot be read makes every operation wrong that inherits from it
    const areRead = policies.size === files.length;
    return areRead ? [...findings, ...operationProblems(root, policies)] : findings;
  },
};
