import Events

/// A key by which cases are found: a name, and where its value stands in the events of a pipeline.
package struct CaseKey: Sendable, Hashable {
    package let name: String
    package let pipeline: String
    /// As `event_fields` has them: each begins with a column of raw.events; the first that is present counts.
    package let paths: [FieldPath]

    package init(name: String, pipeline: String, paths: [FieldPath]) {
        self.name = name
        self.pipeline = pipeline
        self.paths = paths
    }

    /// SQL over a row of raw.events named e: the value as jsonb; null where it is absent or JSON's null.
    var value: String {
        EventField(namespace: "", name: name, pipeline: pipeline, paths: paths).value
    }
}
