import Warehouse

/// Types of events that a case is to have, in this order; others may stand between them.
package struct Expectation: Sendable {
    package let types: [TypePattern]

    package init(_ types: [TypePattern]) { self.types = types }

    /// How far a case has come.
    package struct Progress: Sendable, Equatable {
        /// Of each type that came, in its place: the index of the event.
        package var came: [Int] = []
        /// The first that did not; nil where all did.
        package var missing: Int?
        /// Of this one, where it came out of its place: the index of an event before its predecessor.
        package var tooEarly: Int?
    }

    /// - Parameter events: the types of the case's events, in order.
    package func progress(_ events: [String]) -> Progress {
        var progress = Progress()
        var next = 0
        for (index, type) in types.enumerated() {
            guard let found = events[next...].firstIndex(where: type.matches) else {
                progress.missing = index
                progress.tooEarly = events[..<next].indices.last { position in
                    type.matches(events[position]) && !progress.came.contains(position)
                }
                return progress
            }
            progress.came.append(found)
            next = found + 1
        }
        return progress
    }
}
