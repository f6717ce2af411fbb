import Events

/// Which types of events follow which, and how soon: the pairs that may be worth an SLA, and what the sample tells of
/// them.
struct GuessedPairs {
    struct Pair {
        let start: String
        let end: String
        /// Cases in which the end follows the start, and all that have the start.
        let cases: Int
        let started: Int
        /// In microseconds.
        let median: Int64
        let p90: Int64
        /// Whether nothing else follows the start more often.
        var isUsual = true

        var share: Double { Double(cases) / Double(max(1, started)) }
        var isSupported: Bool { isUsual && cases >= 5 && share >= 0.6 && p90 > 0 }
    }

    private(set) var events = 0
    private(set) var rejects = 0
    private(set) var firstReject: (line: Int64, reason: String)?
    private(set) var latest: Timestamp?
    /// The usual way of a case from its first to its last event; nil where cases are too few.
    private(set) var whole: Pair?
    /// What follows each type most often, those of the usual path first.
    private(set) var steps: [Pair] = []
    private(set) var caseCount = 0

    private var caseNumbers: [String: Int] = [:]
    private var typeNumbers: [String: Int] = [:]
    private var typeNames: [String] = []
    /// By case: the first time of each of its types.
    private var firsts: [[(type: Int, time: Int64)]] = []

    private static let mostCases = 200_000
    private static let mostTypes = 500
    private static let leastCases = 5
    private static let leastShare = 0.2

    /// Reads the events of a sample as a run would.
    init(_ sample: GuessedSample, _ form: RecordFormat, _ mapping: SourceMapping) throws {
        try sample.read(form, mapping) { batch in
            take(batch)
            return true
        }
        caseCount = firsts.count
        find()
        (caseNumbers, firsts) = ([:], [])
    }

    private mutating func take(_ batch: borrowing EventBatch) {
        rejects += batch.rejects.count
        if firstReject == nil, let reject = batch.rejects.first { firstReject = (reject.line, reject.reason) }
        events += batch.events.count
        for event in batch.events {
            latest = max(latest ?? event.occurredAt, event.occurredAt)
            let type = batch.arena.string(of: event.type)
            guard let typeNumber = number(type) else { continue }
            let key = batch.arena.string(of: event.caseID)
            let time = event.occurredAt.microseconds
            guard let place = caseNumbers[key] else {
                guard firsts.count < GuessedPairs.mostCases else { continue }
                caseNumbers[key] = firsts.count
                firsts.append([(typeNumber, time)])
                continue
            }
            if let known = firsts[place].firstIndex(where: { $0.type == typeNumber }) {
                firsts[place][known].time = min(firsts[place][known].time, time)
            } else {
                firsts[place].append((typeNumber, time))
            }
        }
    }

    /// Nil where there are so many types that they are none.
    private mutating func number(_ type: String) -> Int? {
        if let number = typeNumbers[type] { return number }
        guard typeNames.count < GuessedPairs.mostTypes else { return nil }
        typeNumbers[type] = typeNames.count
        typeNames.append(type)
        return typeNames.count - 1
    }

    // MARK: - Pairs

    private mutating func find() {
        guard typeNames.count < GuessedPairs.mostTypes else { return }
        // Of equal times, the one that was told first.
        let paths = firsts.map { events in
            events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(
                \.element)
        }.filter { $0.count > 1 }
        guard paths.count >= GuessedPairs.leastCases else { return }
        var (starts, ends) = (
            [Int](repeating: 0, count: typeNames.count), [Int](repeating: 0, count: typeNames.count)
        )
        var follows: [[Int]: Int] = [:]
        for path in paths {
            starts[path[0].type] += 1
            ends[path[path.count - 1].type] += 1
            for (one, next) in zip(path, path.dropFirst()) {
                follows[[one.type, next.type], default: 0] += 1
            }
        }
        guard let first = GuessedPairs.most(starts), let last = GuessedPairs.most(ends, besides: first) else {
            return
        }
        whole = pair(first, last)
        // Along the usual path, and then beside it.
        var order: [Int] = []
        var next: Int? = first
        while let type = next, !order.contains(type) {
            order.append(type)
            next =
                follows.filter { $0.key[0] == type }
                .max { ($0.value, $1.key[1]) < ($1.value, $0.key[1]) }?.key[1]
        }
        order += typeNames.indices.filter { !order.contains($0) }
        for type in order {
            let nexts = follows.filter { $0.key[0] == type && $0.value >= GuessedPairs.leastCases }
                .sorted { ($1.value, $0.key[1]) < ($0.value, $1.key[1]) }
            for (key, count) in nexts.prefix(2) where !(key[0] == first && key[1] == last) {
                var found = pair(key[0], key[1])
                found.isUsual = key == nexts[0].key
                // What now and then follows at once, where something usually stands between, is no step.
                if Double(count) >= GuessedPairs.leastShare * Double(found.started) { steps.append(found) }
            }
        }
    }

    /// The number with the highest count, and of equals the first.
    private static func most(_ counts: [Int], besides other: Int? = nil) -> Int? {
        counts.indices.filter { $0 != other && counts[$0] > 0 }.max { (counts[$0], $1) < (counts[$1], $0) }
    }

    /// What an SLA from the one to the other would see of the sample.
    private func pair(_ start: Int, _ end: Int) -> Pair {
        var started = 0
        var durations: [Int64] = []
        for events in firsts {
            guard let begin = events.first(where: { $0.type == start }) else { continue }
            started += 1
            if let done = events.first(where: { $0.type == end }), done.time >= begin.time {
                durations.append(done.time - begin.time)
            }
        }
        durations.sort()
        func quantile(_ share: Double) -> Int64 {
            durations.isEmpty ? 0 : durations[min(durations.count - 1, Int(share * Double(durations.count)))]
        }
        return Pair(
            start: typeNames[start], end: typeNames[end], cases: durations.count, started: started,
            median: quantile(0.5), p90: quantile(0.9))
    }
}

extension GuessedPairs.Pair {
    /// A round duration near the p90, as a definition writes it.
    var within: String {
        let ladder: [(Int64, [Int64])] = [
            (1_000, [100, 200, 500]), (1_000_000, [1, 2, 5, 10, 15, 30, 45]),
            (60_000_000, [1, 2, 3, 5, 10, 15, 20, 30, 45]), (3_600_000_000, [1, 2, 3, 4, 6, 8, 12, 18]),
            (86_400_000_000, [1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365]),
        ]
        let units: [Int64: String] = [
            1_000: "ms", 1_000_000: "s", 60_000_000: "m", 3_600_000_000: "h", 86_400_000_000: "d",
        ]
        let steps = ladder.flatMap { unit, counts in counts.map { (unit, $0) } }
        let best = steps.min { left, right in
            distance(left.0 * left.1) < distance(right.0 * right.1)
        }
        return best.map { "\($0.1)\(units[$0.0] ?? "s")" } ?? "1d"
    }

    private func distance(_ duration: Int64) -> Double {
        let ratio = Double(duration) / Double(max(p90, 1))
        return ratio < 1 ? 1 / ratio : ratio
    }

    /// `median 4h 12m, p90 2d, 312 of 320 cases`.
    var seen: String {
        let all = cases == started ? "\(cases) cases" : "\(cases) of \(started) cases"
        return "median \(GuessedPairs.text(median)), p90 \(GuessedPairs.text(p90)), \(all)"
    }
}

extension GuessedPairs {
    /// The two greatest units of a duration in microseconds, without one that is 0.
    static func text(_ microseconds: Int64) -> String {
        if microseconds < 1_000_000 { return microseconds == 0 ? "0s" : "\(max(1, microseconds / 1_000))ms" }
        let seconds = microseconds / 1_000_000
        let units: [(name: String, seconds: Int64)] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
        let place = units.firstIndex { seconds >= $0.seconds } ?? 3
        let rest = seconds % units[place].seconds
        let first = "\(seconds / units[place].seconds)\(units[place].name)"
        guard place < 3, rest / units[place + 1].seconds > 0 else { return first }
        return "\(first) \(rest / units[place + 1].seconds)\(units[place + 1].name)"
    }
}
