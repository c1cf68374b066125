import { type Problem, problemText } from '../base/problem.ts';
import { loadAll } from '../config/load-all.ts';
import { loadZone } from '../config/zone-files.ts';
import type { Variables } from '../files/yaml-file.ts';
import { toText } from '../name/domain-name.ts';
import { type Output, STATUS } from './output.ts';

/** `check`: a configuration with all it names, or zone files alone; every problem, one a line. */
export function check(
  configFile: string | undefined,
  zoneFiles: readonly string[],
  variables: Variables,
  output: Output,
): number {
  const problems: Problem[] = [];
  for (const file of zoneFiles) {
    const result = loadZone(file);
    if (Array.isArray(result)) problems.push(...result);
    else output.out(`${file}: zone ${toText(result.apex)} with ${result.records.length} records is good`);
  }
  if (configFile !== undefined) {
    const result = loadAll(configFile, variables);
    if (!result.ok) problems.push(...result.problems);
    else {
      const { zones, leftOut } = result.value.zoneFiles;
      problems.push(...leftOut);
      for (const { file, apex, records } of zones) {
        output.out(`${file}: zone ${toText(apex)} with ${records.length} records is good`);
      }
      if (leftOut.length === 0) output.out(`${configFile}: good`);
    }
  }
  for (const problem of problems) output.err(problemText(problem));
  return problems.length === 0 ? STATUS.ok : STATUS.badInput;
}
