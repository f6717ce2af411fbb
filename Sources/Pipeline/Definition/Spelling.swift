/// What was probably meant by a word that is not known.
package enum Spelling {
    /// The candidate with the fewest edits, where these are few for its length; of equals the first in
    /// the alphabet, since sets have no order.
    package static func nearest(_ word: String, in candidates: some Sequence<String>) -> String? {
        let ranked = candidates.map { (edits: edits(word.lowercased(), $0.lowercased()), candidate: $0) }
        guard let best = ranked.min(by: { ($0.edits, $0.candidate) < ($1.edits, $1.candidate) }) else {
            return nil
        }
        let length = max(word.count, best.candidate.count)
        // Of a sign alone, another sign shares nothing.
        return best.edits <= max(1, length / 3) && best.edits < length ? best.candidate : nil
    }

    /// `; did you mean "within"?`, or nothing.
    package static func suggestion(_ word: String, in candidates: some Sequence<String>) -> String {
        nearest(word, in: candidates).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// The edits between two words: insertions, deletions, replacements and swaps of neighbours (optimal string
    /// alignment).
    static func edits(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left), Array(right))
        var beforePrevious: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var current = [i + 1]
            for j in b.indices {
                var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforePrevious[j - 1] + 1)
                }
                current.append(cost)
            }
            (beforePrevious, previous) = (previous, current)
        }
        return previous[b.count]
    }
}
