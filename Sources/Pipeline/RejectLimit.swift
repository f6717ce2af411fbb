import Warehouse

/// How many records of a source may be rejected in a run before the run fails.
package enum RejectLimit: Sendable, Equatable {
    case count(Int)
    /// Of the records read, 0 to 1.
    case share(Double)

    /// - Throws: `TooManyRejects` where the counts of a run are over the limit.
    func check(_ counts: LoadCounts, _ source: SourceDefinition) throws(TooManyRejects) {
        let isOver =
            switch self {
            case .count(let most): counts.rejected > most
            case .share(let most): Double(counts.rejected) > most * Double(counts.read)
            }
        if isOver { throw TooManyRejects(source: source, rejected: counts.rejected, read: counts.read) }
    }
}

/// More records were rejected than `max_rejected` allows; what was committed stays.
package struct TooManyRejects: Error, CustomStringConvertible {
    let source: SourceDefinition
    let rejected: Int
    /// Nil where reading was stopped.
    let read: Int?

    package var description: String {
        let limit =
            switch source.maxRejected {
            case .count(let most): "\(most)"
            case .share(let most): "\(most) of what is read"
            case nil: "none"
            }
        let seen = read.map { "\(rejected) of \($0)" } ?? "\(rejected)"
        return "\(seen) records of \(source.name) were rejected, and max_rejected is \(limit); "
            + (read == nil ? "reading was stopped; " : "")
            + "what was loaded stays, and the reasons are in daybook.rejects"
    }
}
