import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import { parseExplained } from '../crds/messages.ts';
import { scenario } from '../simulator/contract.ts';

/** The scenario file cannot be read or says something that the simulator does not know; the message has a line for each problem. */
export class ScenarioRefused extends Error {
  override readonly name = 'ScenarioRefused';
}

/** Checks a scenario before anything is started for it; the simulator reads the file itself. @throws ScenarioRefused */
export async function requireScenario(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ScenarioRefused(`cannot read the scenario ${file}: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`);
  });
  const found = parseExplained(scenario, parsed(text, file));
  if (found.ok) return;
  const lines = found.problems.map(({ path, message }) => `${file}: ${path.length === 0 ? 'the scenario' : path.join('.')} ${message}`);
  throw new ScenarioRefused(`the scenario is refused:\n${lines.join('\n')}`);
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof YAMLParseError) throw new ScenarioRefused(`the scenario ${file} is no YAML: ${error.message}`);
    throw error;
  }
}
