import { admissionMutants } from './admission.ts';
import { doorMutants } from './doors.ts';
import { ledgerMutants } from './ledger.ts';
import type { Mutant } from './mutant.ts';
import { providerMutants } from './provider.ts';

/** Every mistake that the tests have to find. */
export const mutants: readonly Mutant[] = [...admissionMutants, ...ledgerMutants, ...providerMutants, ...doorMutants];
