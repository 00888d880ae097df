#include "lllm/net/certificates.hpp"

#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lllm/base/error.hpp"

namespace lllm {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

template <class T>
T* check(T* made) {
  if (made == nullptr) throw_error(ErrorKind::internal, "OpenSSL could not make a certificate");
  return made;
}

Owned<EVP_PKEY> make_key() {
  return Owned<EVP_PKEY>(check(EVP_EC_gen("P-256")));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  const Owned<BIO> bio(check(BIO_new(BIO_s_mem())));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

Secret to_pem(EVP_PKEY* key) {
  const Owned<BIO> bio(check(BIO_new(BIO_s_secmem())));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return Secret(text_of(bio.get()));
}

void extend(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(check(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str())));
  X509_add_ext(certificate, extension.get(), -1);
}

Owned<X509> make_certificate(const std::string& name, EVP_PKEY* key, std::chrono::seconds from,
                             std::chrono::seconds validity) {
  Owned<X509> certificate(check(X509_new()));
  X509_set_version(certificate.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), (from + validity).count());
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.data()),
                             static_cast<int>(name.size()), -1, 0);
  return certificate;
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name) {
  const auto key = make_key();
  const auto root = make_certificate(name, key.get(), std::chrono::hours(-24), std::chrono::hours(24 * 365));
  X509_set_issuer_name(root.get(), X509_get_subject_name(root.get()));
  extend(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(root.get(), root.get(), NID_subject_key_identifier, "hash");
  X509_sign(root.get(), key.get(), EVP_sha256());
  pem_ = to_pem(root.get());
  key_pem_ = to_pem(key.get());
}

Certificate CertificateAuthority::issue(const CertificateWishes& wishes) const {
  const auto key = make_key();
  const auto leaf = make_certificate(wishes.common_name, key.get(), wishes.valid_from, wishes.valid_for);
  const Owned<BIO> root_text(check(BIO_new_mem_buf(pem_.data(), static_cast<int>(pem_.size()))));
  const Owned<X509> root(check(PEM_read_bio_X509(root_text.get(), nullptr, nullptr, nullptr)));
  const auto& secret = key_pem_.reveal();
  const Owned<BIO> key_text(check(BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size()))));
  const Owned<EVP_PKEY> root_key(check(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)));

  X509* issuer = wishes.self_signed ? leaf.get() : root.get();
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer));
  extend(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(leaf.get(), issuer, NID_ext_key_usage, wishes.for_server ? "serverAuth" : "clientAuth");
  std::string names;
  for (const auto& name : wishes.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& address : wishes.addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
  if (!names.empty()) extend(leaf.get(), issuer, NID_subject_alt_name, names);
  X509_sign(leaf.get(), wishes.self_signed ? key.get() : root_key.get(), EVP_sha256());

  Certificate made;
  made.certificate_pem = to_pem(leaf.get());
  made.private_key_pem = to_pem(key.get());
  made.ca_pem = pem_;
  return made;
}

}  // namespace lllm
