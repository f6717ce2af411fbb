import Events
import Foundation

/// A run event of OpenLineage 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json), with the facets that Daybook
/// knows something for.
struct OpenLineageEvent {
    enum Kind: String {
        case start = "START"
        case complete = "COMPLETE"
        case fail = "FAIL"
    }

    /// What a run reads or writes.
    struct Dataset {
        var namespace: String
        var name: String
        /// Its columns; empty where nobody knows.
        var columns: [Column] = []
        /// What was read of it, or changed in it; nil where the run has only begun.
        var rows: Int?
        /// Of files, how many.
        var files: Int?
    }

    struct Column {
        let name: String
        let type: String
        let description: String?
    }

    /// The run that began this one, as it is named by whoever did.
    struct Parent {
        let namespace: String
        let job: String
        let runID: String

        /// `NAMESPACE/JOB/RUN`, as OPENLINEAGE_PARENT_ID has it; nil where it is no such thing.
        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count >= 3, let runID = parts.last, UUID(uuidString: String(runID)) != nil,
                !parts[parts.count - 2].isEmpty
            else { return nil }
            // Namespaces are often addresses, with slashes of their own.
            namespace = parts.dropLast(2).joined(separator: "/")
            job = String(parts[parts.count - 2])
            self.runID = String(runID)
        }
    }

    var kind: Kind
    var time: Timestamp
    var runID: String
    var namespace: String
    var job: String
    var nominalTime: Timestamp?
    var error: String?
    var serverVersion: String
    var parent: Parent?
    var inputs: [Dataset] = []
    var outputs: [Dataset] = []

    private static let producer = "urn:daybook:\(daybookVersion)"
    private static let schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

    /// One line of JSON.
    var json: String {
        var event: [String: Any] = [
            "eventType": kind.rawValue, "eventTime": time.description, "producer": OpenLineageEvent.producer,
            "schemaURL": OpenLineageEvent.schema,
            "run": ["runId": runID, "facets": runFacets],
            "job": [
                "namespace": namespace, "name": job,
                "facets": [
                    "jobType": OpenLineageEvent.facet(
                        "2-0-3/JobTypeJobFacet",
                        ["processingType": "BATCH", "integration": "DAYBOOK", "jobType": "PIPELINE"])
                ],
            ],
        ]
        event["inputs"] = inputs.map { dataset(of: $0, statistics: "inputStatistics") }
        event["outputs"] = outputs.map { dataset(of: $0, statistics: "outputStatistics") }
        let data = try? JSONSerialization.data(
            withJSONObject: event, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    private var runFacets: [String: Any] {
        var facets: [String: Any] = [
            "processing_engine": OpenLineageEvent.facet(
                "1-1-1/ProcessingEngineRunFacet",
                [
                    "name": "PostgreSQL", "version": serverVersion,
                    "openlineageAdapterVersion": daybookVersion,
                ])
        ]
        if let nominalTime {
            facets["nominalTime"] = OpenLineageEvent.facet(
                "1-0-1/NominalTimeRunFacet", ["nominalStartTime": nominalTime.description])
        }
        if let error {
            facets["errorMessage"] = OpenLineageEvent.facet(
                "1-0-1/ErrorMessageRunFacet", ["message": error, "programmingLanguage": "Swift"])
        }
        if let parent {
            facets["parent"] = OpenLineageEvent.facet(
                "1-0-1/ParentRunFacet",
                [
                    "run": ["runId": parent.runID],
                    "job": ["namespace": parent.namespace, "name": parent.job],
                ])
        }
        return facets
    }

    private func dataset(of dataset: Dataset, statistics: String) -> [String: Any] {
        var members: [String: Any] = ["namespace": dataset.namespace, "name": dataset.name]
        if !dataset.columns.isEmpty {
            let fields = dataset.columns.map { column in
                var field = ["name": column.name, "type": column.type]
                field["description"] = column.description
                return field
            }
            members["facets"] = [
                "schema": OpenLineageEvent.facet("1-1-1/SchemaDatasetFacet", ["fields": fields])
            ]
        }
        var figures: [String: Any] = [:]
        figures["rowCount"] = dataset.rows
        figures["fileCount"] = dataset.files
        if !figures.isEmpty {
            let isInput = statistics == "inputStatistics"
            members[isInput ? "inputFacets" : "outputFacets"] = [
                statistics: OpenLineageEvent.facet(
                    isInput
                        ? "1-0-0/InputStatisticsInputDatasetFacet"
                        : "1-0-2/OutputStatisticsOutputDatasetFacet",
                    figures)
            ]
        }
        return members
    }

    /// - Parameter name: version and name of its schema.
    private static func facet(_ name: String, _ members: [String: Any]) -> [String: Any] {
        let type = name.drop { $0 != "/" }.dropFirst()
        var facet = members
        facet["_producer"] = producer
        facet["_schemaURL"] = "https://openlineage.io/spec/facets/\(name).json#/$defs/\(type)"
        return facet
    }
}
