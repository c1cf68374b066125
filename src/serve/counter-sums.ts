import { type BlockLabels, Counters, MAX_BLOCKS } from './counters.ts';

/** Blocks from here on are one in memory. */
const LAST_BLOCK = MAX_BLOCKS - 1;

/** What several threads counted, each for itself, and those before them: numbered once for all, by what is counted. */
export class CounterSums {
  /** labels of the blocks that are in use, by number */
  readonly blocks = new Map<number, BlockLabels>();
  readonly #numbers = new Map<string, number>();
  /** a block's number here, by its number there */
  readonly #parts = new Map<Counters, Map<number, number>>();
  readonly #former = new Counters();

  add(part: Counters): void {
    this.#parts.set(part, new Map());
  }

  /** A block of one of them came into use. */
  name(part: Counters, block: number, labels: BlockLabels): void {
    const key = `${labels.proto}\n${labels.server}\n${labels.zone}`;
    const number = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, number);
    this.blocks.set(number, labels);
    this.#parts.get(part)?.set(block, number);
  }

  /** Nobody counts there any more: what was counted stays. */
  retire(part: Counters): void {
    this.#addTo(this.#former, part);
    this.#parts.delete(part);
  }

  /** @returns a copy, in which blocks have the numbers of {@link blocks} */
  sum(): Counters {
    const sum = new Counters();
    sum.addTotals(this.#former);
    for (const number of this.blocks.keys())
      if (number <= LAST_BLOCK) sum.addBlock(number, this.#former, number);
    for (const part of this.#parts.keys()) this.#addTo(sum, part);
    return sum;
  }

  #addTo(sum: Counters, part: Counters): void {
    sum.addTotals(part);
    let isLastAdded = false;
    for (const [block, number] of this.#parts.get(part) ?? []) {
      if (block < LAST_BLOCK) sum.addBlock(number, part, block);
      else if (!isLastAdded) {
        sum.addBlock(LAST_BLOCK, part, LAST_BLOCK);
        isLastAdded = true;
      }
    }
  }
}
