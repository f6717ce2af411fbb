import Events

/// The first page of an API, read as a run would read it; nothing is loaded.
package struct APISample {
    /// By entity.
    package let types: [String: Set<String>]
    package let rejects: Int
    /// The first reject, where there is nothing but rejects.
    package let onlyRejects: Reject?
    /// Of CSV.
    package let columns: [String]
    /// As trees.
    package let items: [JSONValue]
    /// What a person should know of how its pages follow each other.
    package let doubts: [String]

    /// An API that does not answer is not waited for as long as in a run.
    private static let maxAttempts = 2
    private static let maxItems = 200

    /// - Throws: `ExtractError`, as a run would.
    package init(_ source: HTTPSource, mapping: SourceMapping, maxLine: Int) throws {
        var source = source
        source.limits.maxAttempts = min(source.limits.maxAttempts, APISample.maxAttempts)
        var start = PullStart(identity: "sample")
        start.maxPages = 1
        start.since = source.incremental?.initial
        let reader = PullReader(source, from: start, mapping: mapping, maxLine: maxLine) { false }
        var batch = EventBatch()
        _ = try reader.fill(&batch)
        types = batch.types
        rejects = batch.rejects.count
        onlyRejects = batch.events.isEmpty ? batch.rejects.first : nil
        (columns, items) = reader.sample(APISample.maxItems)
        doubts = reader.doubts
    }
}
