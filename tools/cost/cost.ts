import { runCommand } from '../command.js';
import { readAsked, USAGE } from './options.js';
import { reportOf, reportText } from './report.js';

await runCommand(USAGE, () => {
  const { workload, json } = readAsked();
  const report = reportOf(workload);
  console.log(json ? JSON.stringify(report, null, 2) : reportText(report));
});
