/// Counts while lines are written; `summary` is its result.
struct Tally {
    private var counts = GeneratedSummary()
    private var first = Int64.max
    private var last = Int64.min
    private var lines: (Int, Int, Int, Int) = (0, 0, 0, 0)

    @inline(__always)
    mutating func count(_ arrival: Arrival, bytes: Int) {
        counts.bytes &+= bytes
        switch arrival.service {
        case 0: lines.0 &+= 1
        case 1: lines.1 &+= 1
        case 2: lines.2 &+= 1
        default: lines.3 &+= 1
        }
        if arrival.kind == .bad {
            counts.badLines &+= 1
        } else if arrival.isCopy {
            counts.duplicates &+= 1
        } else {
            counts.events &+= 1
            if arrival.isLate { counts.late &+= 1 }
            first = min(first, arrival.occurredAt)
            last = max(last, arrival.occurredAt)
        }
    }

    /// Takes all lines of an order, whichever are written; an order without any is none.
    mutating func countOrder(_ arrivals: [Arrival]) {
        if arrivals.isEmpty { return }
        var cancelled = false
        var delivered = false
        for arrival in arrivals {
            if arrival.kind == .cancelled { cancelled = true }
            if arrival.kind == .delivered { delivered = true }
        }
        counts.orders &+= 1
        if cancelled { counts.cancelled &+= 1 }
        if !cancelled, !delivered { counts.neverDelivered &+= 1 }
    }

    var summary: GeneratedSummary {
        var result = counts
        let byService = [lines.0, lines.1, lines.2, lines.3]
        result.lines = byService.reduce(0, +)
        for (service, count) in zip(GeneratedService.allCases, byService) where count > 0 {
            result.linesByService[service] = count
        }
        if result.events > 0 {
            result.firstTimeMilliseconds = first
            result.lastTimeMilliseconds = last
        }
        return result
    }
}
