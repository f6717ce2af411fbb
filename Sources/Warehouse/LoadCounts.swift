/// What became of the events of a load; `read` is their sum.
package struct LoadCounts: Sendable, Equatable {
    package var loaded = 0
    package var duplicate = 0
    /// Of the duplicates, those whose content differs from the row that stays.
    package var conflicting = 0
    package var rejected = 0
    package var filtered = 0

    package init() {}

    package var read: Int { loaded + duplicate + rejected + filtered }

    package static func += (left: inout LoadCounts, right: LoadCounts) {
        left.loaded += right.loaded
        left.duplicate += right.duplicate
        left.conflicting += right.conflicting
        left.rejected += right.rejected
        left.filtered += right.filtered
    }
}
